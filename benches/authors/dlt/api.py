import dlt
from dlt.sources.rest_api import rest_api_source

source = rest_api_source({
    "client": {"base_url": "http://127.0.0.1:8765"},
    "resources": [{
        "name": "companies",
        "endpoint": {
            "path": "api",
            "data_selector": "data.items",
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages", "page_param": "page"},
        },
        "primary_key": "vat_no",
        "write_disposition": {"disposition": "merge", "strategy": "scd2"},
    }],
})
pipeline = dlt.pipeline("api", destination=dlt.destinations.duckdb("data.duckdb"), dataset_name="authors")
pipeline.run(source).raise_on_failed_jobs()
