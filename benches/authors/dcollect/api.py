from itertools import count

from dcollect import app

URL = "http://127.0.0.1:8765/api"


@app(table="companies", key="vat_no")
def collect(ctx):
    for page in count(1):
        answer = ctx.get(URL, params={"page": page}).json()
        yield from answer["data"]["items"]
        if page == answer["pages"]:
            return
