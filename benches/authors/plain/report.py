import io

from common import body, merge, session
from openpyxl import load_workbook

URL = "http://127.0.0.1:8765/report.xlsx"


def collect():
    sheet = load_workbook(io.BytesIO(body(session(), URL)), read_only=True).active
    rows = sheet.iter_rows(min_row=4, values_only=True)
    names = next(rows)
    for row in rows:
        record = dict(zip(names, row))
        if record["Broj"] != "UKUPNO":
            yield {**record, "Datum": record["Datum"].date().isoformat()}


merge("permits", "Broj", collect())
