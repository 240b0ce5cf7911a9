import dlt
from bs4 import BeautifulSoup
from dlt.sources.helpers import requests

URL = "http://127.0.0.1:8765/register.aspx"


def hidden(page):
    return {field["name"]: field.get("value", "") for field in page.select("input[type=hidden]")}


@dlt.resource(name="crafts", primary_key="Broj", write_disposition={"disposition": "merge", "strategy": "scd2"})
def crafts():
    http = requests.Client().session
    page = BeautifulSoup(http.get(URL).text, "lxml")
    fields = {**hidden(page), "name": "", "search": "Traži"}
    number = 1
    while True:
        page = BeautifulSoup(http.post(URL, data=fields).text, "lxml")
        for row in page.select("#Grid > tr, #Grid > tbody > tr"):
            cells = [cell.get_text(strip=True) for cell in row.find_all("td", recursive=False)]
            if len(cells) == 3:
                yield dict(zip(["Broj", "Naziv", "Mjesto"], cells))
        number += 1
        if str(number) not in [link.get_text() for link in page.select("#Grid .pager a")]:
            return
        fields = {**hidden(page), "name": "", "__EVENTTARGET": "Grid", "__EVENTARGUMENT": f"Page${number}"}


pipeline = dlt.pipeline("register", destination=dlt.destinations.duckdb("data.duckdb"), dataset_name="authors")
pipeline.run(crafts()).raise_on_failed_jobs()
