import scrapy
from common import run


class Register(scrapy.Spider):
    name, table, key = "register", "crafts", "Broj"
    start_urls = ["http://127.0.0.1:8765/register.aspx"]

    def parse(self, response):
        yield scrapy.FormRequest.from_response(response, clickdata={"name": "search"}, callback=self.parse_page, cb_kwargs={"number": 1})

    def parse_page(self, response, number):
        for row in response.css("#Grid > tr, #Grid > tbody > tr"):
            cells = row.xpath("./td/text()").getall()
            if len(cells) == 3:
                yield dict(zip(["Broj", "Naziv", "Mjesto"], cells))
        number += 1
        if str(number) in response.css("#Grid .pager a::text").getall():
            fields = {"__EVENTTARGET": "Grid", "__EVENTARGUMENT": f"Page${number}"}
            yield scrapy.FormRequest.from_response(
                response, formdata=fields, dont_click=True, callback=self.parse_page, cb_kwargs={"number": number}
            )


run(Register)
