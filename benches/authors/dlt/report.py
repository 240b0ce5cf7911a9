import io

import dlt
import pandas
from dlt.sources.helpers import requests

URL = "http://127.0.0.1:8765/report.xlsx"


@dlt.resource(name="permits", primary_key="Broj", write_disposition={"disposition": "merge", "strategy": "scd2"})
def permits():
    table = pandas.read_excel(io.BytesIO(requests.get(URL).content), skiprows=3, skipfooter=1)
    table["Datum"] = pandas.to_datetime(table["Datum"]).dt.date
    yield table.to_dict("records")


pipeline = dlt.pipeline("report", destination=dlt.destinations.duckdb("data.duckdb"), dataset_name="authors")
pipeline.run(permits()).raise_on_failed_jobs()
