from bs4 import BeautifulSoup
from common import merge, session

URL = "http://127.0.0.1:8765/register.aspx"


def hidden(page):
    return {field["name"]: field.get("value", "") for field in page.select("input[type=hidden]")}


def collect():
    http = session()
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


merge("crafts", "Broj", collect())
