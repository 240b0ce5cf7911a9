"""The pipeline and the settings that the four share: items are merged when the spider has ended well."""

import sqlite3
import sys
from datetime import datetime, timezone

from scrapy.crawler import CrawlerProcess


class Merge:
    def __init__(self, crawler):
        self.crawler, self.records = crawler, {}

    @classmethod
    def from_crawler(cls, crawler):
        return cls(crawler)

    def process_item(self, item):
        self.records[item[self.crawler.spider.key]] = dict(item)
        return item

    def close_spider(self):
        stats, spider = self.crawler.stats, self.crawler.spider
        if stats.get_value("log_count/ERROR") or stats.get_value("httperror/response_ignored_count") or not self.records:
            spider.logger.error("nothing is merged")
            return
        records, table, key = self.records, spider.table, spider.key
        names = list(next(iter(records.values())))
        columns = ", ".join(f'"{name}"' for name in names)
        now = datetime.now(timezone.utc).isoformat()
        with sqlite3.connect("data.db") as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, valid_from, valid_to)")
            at = names.index(key)
            known = {row[1 + at]: row for row in db.execute(f"SELECT rowid, {columns} FROM {table} WHERE valid_to IS NULL")}
            new = [record for value, record in records.items() if value not in known or known[value][1:] != tuple(record.values())]
            gone = [row[0] for value, row in known.items() if value not in records or row[1:] != tuple(records[value].values())]
            if len(gone) > max(20, len(known) / 2):
                spider.logger.error("%d of %d rows would vanish", len(gone), len(known))
                return
            db.executemany(f"UPDATE {table} SET valid_to = ? WHERE rowid = ?", [(now, row) for row in gone])
            marks = ", ".join("?" * (len(names) + 1))
            db.executemany(f"INSERT INTO {table} ({columns}, valid_from) VALUES ({marks})", [(*record.values(), now) for record in new])


def run(spider):
    process = CrawlerProcess({"ITEM_PIPELINES": {Merge: 100}, "RETRY_TIMES": 4, "LOG_LEVEL": "INFO", "TELNETCONSOLE_ENABLED": False})
    crawler = process.create_crawler(spider)
    process.crawl(crawler)
    process.start()
    sys.exit(1 if crawler.stats.get_value("log_count/ERROR") else 0)
