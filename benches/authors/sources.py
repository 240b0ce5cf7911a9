"""Four sources on 127.0.0.1:8765 with the faults that such sources have. `python3 sources.py` serves them.

/edition?n=2   changes what they say: some records vanish, some change, some are new; with &broken=1 each source breaks
               off in the middle, however often it is asked
/api?page=1    JSON; 429 with Retry-After, 500 twice, a slow page, and a page that comes twice
/prices.csv    windows-1250, `;`, decimal commas; the first answer breaks off in the middle
/register.aspx a form with __VIEWSTATE, pages by __doPostBack, cookies; 500 once
/report.xlsx   a title over merged cells, the header in row 4, dates, a sum in the last row; 503 once
"""

import io
import json
import random
import sys
import threading
import time
import zipfile
from datetime import date, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT = 8765
PER_PAGE = {"api": 50, "register": 25}
TOWNS = ["Čakovec", "Đakovo", "Šibenik", "Žminj", "Zagreb", "Pečuh"]
state = {"edition": 1, "asked": {}, "session": 0, "is_broken": False}


def edition(rows, change, new):
    """The rows as they are now: in the second edition 5 have gone, 7 changed, and 9 are new."""
    if state["edition"] == 1:
        return rows
    return [change(row) if 10 <= at < 17 else row for at, row in enumerate(rows[5:])] + new


def companies():
    dice = random.Random(1)
    made = [
        {"vat_no": f"{10_000_000_000 + at}", "name": f"Tvrtka {at} d.o.o.", "town": dice.choice(TOWNS), "capital": round(dice.uniform(1, 1e6), 2)}
        for at in range(2009)
    ]
    return edition(made[:2000], lambda row: {**row, "name": row["name"] + " u stečaju"}, made[2000:])


def prices():
    dice = random.Random(2)
    made = [(f"{at:06}", f"Čaša {at} žuta", f"{dice.randrange(100, 9_999_999) / 100:.2f}", str(date(2026, 1, 1) + timedelta(at % 300))) for at in range(20_009)]
    return edition(made[:20_000], lambda row: (row[0], row[1], row[2] + "5", row[3]), made[20_000:])


def register():
    dice = random.Random(3)
    made = [(f"HR-{at:05}", f"Obrt {at} & sin", dice.choice(TOWNS)) for at in range(309)]
    return edition(made[:300], lambda row: (row[0], row[1], "Rijeka"), made[300:])


def permits():
    dice = random.Random(4)
    made = [(f"P-{at:05}", dice.choice(TOWNS), date(2020, 1, 1) + timedelta(at % 2000), dice.randrange(1, 10**9) / 100) for at in range(5009)]
    return edition(made[:5000], lambda row: (*row[:3], row[3] + 1), made[5000:])


def page_of(name, rows, page):
    """A page of rows; behind the last one, the last one again."""
    size = PER_PAGE[name]
    page = min(max(page, 1), -(-len(rows) // size))
    return rows[(page - 1) * size : page * size]


def csv_bytes():
    lines = ["šifra;naziv;cijena;datum"]
    for code, name, price, day in prices():
        year, month, of_month = day.split("-")
        whole, part = price.split(".")
        lines.append(f"{code};{name};{int(whole):,}".replace(",", ".") + f",{part};{of_month}.{month}.{year}.")
    return ("\r\n".join(lines) + "\r\n").encode("windows-1250")


def xlsx_bytes():
    def text(cell, value):
        return f'<c r="{cell}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'

    rows = [f'<row r="1">{text("A1", "Ministarstvo graditeljstva: izdane dozvole")}</row>', f'<row r="2">{text("A2", "stanje na dan 1.12.2026.")}</row>']
    names = ["Broj", "Mjesto", "Datum", "Iznos"]
    rows.append(f'<row r="4">{"".join(text(f"{column}4", name) for column, name in zip("ABCD", names))}</row>')
    at, total = 4, 0.0
    for at, (number, town, day, amount) in enumerate(permits(), 5):
        serial, total = (day - date(1899, 12, 30)).days, total + amount
        rows.append(f'<row r="{at}">{text(f"A{at}", number)}{text(f"B{at}", town)}<c r="C{at}" s="1"><v>{serial}</v></c><c r="D{at}"><v>{amount!r}</v></c></row>')
    rows.append(f'<row r="{at + 1}">{text(f"A{at + 1}", "UKUPNO")}<c r="D{at + 1}"><v>{round(total, 2)!r}</v></c></row>')
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="a" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="Dozvole" sheetId="1" r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}"><Relationship Id="a" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="b" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><fonts count="1"><font/></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(rows)}</sheetData><mergeCells count="1"><mergeCell ref="A1:D1"/></mergeCells></worksheet>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def is_asked_again(self, what, times=1):
        """Whether this was asked before; a fault comes once in an edition."""
        asked = state["asked"]
        asked[what] = asked.get(what, 0) + 1
        return asked[what] > times and not state["is_broken"]

    def say(self, body, status=200, kind="text/html; charset=utf-8", length=None, **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length or len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/edition":
            state.update(edition=int(asked["n"]), asked={}, is_broken="broken" in asked)
            self.say("done")
        elif url.path == "/api":
            self.api(int(asked.get("page", 1)))
        elif url.path == "/prices.csv":
            body = csv_bytes()
            if self.is_asked_again("csv"):
                self.say(body, kind="text/csv")
            else:
                self.close_connection = True
                self.say(body[: len(body) // 2], kind="text/csv", length=len(body))
        elif url.path == "/register.aspx":
            state["session"] += 1
            self.say(form("0", ""), Set_Cookie=f"ASP.NET_SessionId=s{state['session']}; Path=/; HttpOnly")
        elif url.path == "/report.xlsx":
            if self.is_asked_again("xlsx"):
                self.say(xlsx_bytes(), kind="application/octet-stream")
            else:
                self.say("later", 503)
        else:
            self.say("not found", 404)

    def api(self, page):
        if page == 7 and not self.is_asked_again("429"):
            return self.say("slow down", 429, Retry_After="1")
        if page == 13 and not self.is_asked_again("500", 2):
            return self.say("Traceback", 500)
        if page == 21 and not self.is_asked_again("slow") and not state["is_broken"]:
            time.sleep(2)
        rows = page_of("api", companies(), page - (page >= 30))
        self.say(json.dumps({"page": page, "pages": -(-len(companies()) // PER_PAGE["api"]) + 1, "data": {"items": rows}}, ensure_ascii=False), kind="application/json")

    def do_POST(self):
        sent = {name: values[0] for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True).items()}
        if "ASP.NET_SessionId" not in (self.headers.get("Cookie") or "") or sent.get("__EVENTVALIDATION") != "valid":
            return self.say("Invalid postback", 500)
        if "search" in sent:
            page = 1
        else:
            page = int(sent["__EVENTARGUMENT"].removeprefix("Page$"))
            if sent.get("__VIEWSTATE") != f"state/{page - 1}+==":
                return self.say("Validation of viewstate MAC failed", 500)
        if page == 5 and not self.is_asked_again("aspx"):
            return self.say("Server Error", 500)
        rows, last = register(), -(-len(register()) // PER_PAGE["register"])
        cells = "".join(f"<tr><td>{number}</td><td>{escape(name)}</td><td>{town}</td></tr>" for number, name, town in page_of("register", rows, page))
        links = "".join(
            f'<td>{at}</td>' if at == page else f"<td><a href=\"javascript:__doPostBack('Grid','Page${at}')\">{at}</a></td>" for at in range(1, last + 1)
        )
        pager = f'<tr class="pager"><td colspan="3"><table><tr>{links}</tr></table></td></tr>'
        table = f'<table id="Grid"><tr><th>Broj</th><th>Naziv</th><th>Mjesto</th></tr>{cells}{pager}</table>'
        self.say(form(page, table))


def form(page, table):
    return (
        "<!DOCTYPE html><html><body><form method=post action='./register.aspx' id=form1>"
        "<input type=hidden name=__EVENTTARGET value=''><input type=hidden name=__EVENTARGUMENT value=''>"
        f"<input type=hidden name=__VIEWSTATE value='state/{page}+=='><input type=hidden name=__EVENTVALIDATION value=valid>"
        f"<input name=name value=''><input type=submit name=search value='Traži'>{table}</form></body></html>"
    )


def serve():
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    serve()
    sys.stdout.write(f"http://127.0.0.1:{PORT}\n")
    sys.stdout.flush()
    threading.Event().wait()
