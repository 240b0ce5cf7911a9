import scrapy
from common import run


class Api(scrapy.Spider):
    name, table, key = "api", "companies", "vat_no"
    start_urls = ["http://127.0.0.1:8765/api?page=1"]

    def parse(self, response):
        answer = response.json()
        yield from answer["data"]["items"]
        if answer["page"] < answer["pages"]:
            yield response.follow(f"/api?page={answer['page'] + 1}")


run(Api)
