from itertools import count

from dcollect import app

URL = "http://127.0.0.1:8765/register.aspx"


@app(table="crafts", key="Broj")
def collect(ctx):
    page = ctx.page(ctx.submit(ctx.page(ctx.get(URL)).form(), "search", retry=True))
    for number in count(2):
        yield from (row for row in page.table("#Grid") if row["Broj"].startswith("HR-"))
        if str(number) not in page.select("#Grid .pager a"):
            return
        page = ctx.page(ctx.submit(page.form().post_back("Grid", f"Page${number}"), retry=True))
