import io

from dcollect import app
from openpyxl import load_workbook

URL = "http://127.0.0.1:8765/report.xlsx"


@app(table="permits", key="Broj")
def collect(ctx):
    sheet = load_workbook(io.BytesIO(ctx.get(URL).content), read_only=True).active
    rows = sheet.iter_rows(min_row=4, values_only=True)
    names = next(rows)
    for row in rows:
        record = dict(zip(names, row))
        if record["Broj"] != "UKUPNO":
            yield {**record, "Datum": record["Datum"].date()}
