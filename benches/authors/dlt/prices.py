import io

import dlt
import pandas
from dlt.sources.helpers import requests

URL = "http://127.0.0.1:8765/prices.csv"


@dlt.resource(name="prices", primary_key="šifra", write_disposition={"disposition": "merge", "strategy": "scd2"})
def prices():
    content = requests.get(URL).content
    table = pandas.read_csv(
        io.BytesIO(content), encoding="windows-1250", sep=";", decimal=",", thousands=".", dtype={"šifra": str, "datum": str}
    )
    table["datum"] = pandas.to_datetime(table["datum"], format="%d.%m.%Y.").dt.date
    yield table.to_dict("records")


pipeline = dlt.pipeline("prices", destination=dlt.destinations.duckdb("data.duckdb"), dataset_name="authors")
pipeline.run(prices()).raise_on_failed_jobs()
