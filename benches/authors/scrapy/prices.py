from datetime import datetime

from common import run
from scrapy.spiders import CSVFeedSpider


class Prices(CSVFeedSpider):
    name, table, key = "prices", "prices", "šifra"
    start_urls = ["http://127.0.0.1:8765/prices.csv"]
    delimiter = ";"
    custom_settings = {"DOWNLOAD_FAIL_ON_DATALOSS": True}

    def adapt_response(self, response):
        return response.replace(encoding="windows-1250")

    def parse_row(self, response, row):
        row["cijena"] = float(row["cijena"].replace(".", "").replace(",", "."))
        row["datum"] = datetime.strptime(row["datum"], "%d.%m.%Y.").date().isoformat()
        return row


run(Prices)
