import io

import scrapy
from common import run
from openpyxl import load_workbook


class Report(scrapy.Spider):
    name, table, key = "report", "permits", "Broj"
    start_urls = ["http://127.0.0.1:8765/report.xlsx"]

    def parse(self, response):
        sheet = load_workbook(io.BytesIO(response.body), read_only=True).active
        rows = sheet.iter_rows(min_row=4, values_only=True)
        names = next(rows)
        for row in rows:
            record = dict(zip(names, row))
            if record["Broj"] != "UKUPNO":
                yield {**record, "Datum": record["Datum"].date().isoformat()}


run(Report)
