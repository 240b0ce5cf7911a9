#!/usr/bin/env python3
"""Merges large files of each format into an empty SQLite database, and measures seconds and the most memory that dc had.

    benches/formats/measure.py DC [ROWS] [XML_MB]    writes RESULTS.md; DC is target/release/dc

Beside it, where `pip install python-calamine lxml` brought them, what a person would write by hand: calamine reads the sheet,
lxml's iterparse the elements, csv the lines, and executemany fills the table. All read every cell, and make the same rows.
"""

import csv
import importlib.util
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile

COLUMNS = ["id", "name", "city", "amount", "day"]
CITIES = ["Čakovec", "Šibenik", "Đakovo", "Žminj", "Rijeka"]


def record(number):
    cents = number * 37 % 1_000_000
    return number, f"Tvrtka {number % 9973} d.o.o.", CITIES[number % 5], f"{cents // 100}.{cents % 100:02}", f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"


def write_csv(path, rows):
    with open(path, "w", encoding="cp1250", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS)
        writer.writerows(record(number) for number in range(rows))


def write_json(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"meta": {"count": %d}, "data": {"items": [' % rows)
        for number in range(rows):
            file.write(("," if number else "") + json.dumps(dict(zip(COLUMNS, record(number))), ensure_ascii=False))
        file.write("]}}")


def write_xml(path, megabytes):
    number = 0
    with open(path, "w", encoding="utf-8") as file:
        file.write("<?xml version='1.0'?>\n<feed><items>")
        while file.tell() < megabytes << 20:
            for _ in range(1000):
                inner = "".join(f"<{name}>{value}</{name}>" for name, value in zip(COLUMNS, record(number)))
                file.write(f"<item>{inner}</item>\n")
                number += 1
        file.write("</items></feed>")
    return number


def write_xlsx(path, rows):
    """A workbook as Excel writes it, by hand: texts shared, numbers as numbers."""
    names = {}
    shared = lambda text: names.setdefault(text, len(names))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        book.writestr("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>')
        book.writestr("_rels/.rels", '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>')
        book.writestr("xl/workbook.xml", '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>')
        book.writestr("xl/_rels/workbook.xml.rels", '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>')
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as raw:
            sheet = io.TextIOWrapper(io.BufferedWriter(raw, 1 << 20), encoding="utf-8")
            sheet.write('<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>')
            cell = lambda column, row, text: f'<c r="{"ABCDE"[column]}{row}" t="s"><v>{shared(text)}</v></c>'
            sheet.write("<row r=\"1\">" + "".join(cell(place, 1, name) for place, name in enumerate(COLUMNS)) + "</row>")
            for number in range(rows):
                one, name, city, amount, day = record(number)
                row = number + 2
                sheet.write(f'<row r="{row}"><c r="A{row}"><v>{one}</v></c>{cell(1, row, name)}{cell(2, row, city)}<c r="D{row}"><v>{amount}</v></c>{cell(4, row, day)}</row>')
            sheet.write("</sheetData></worksheet>")
            sheet.flush()
            sheet.detach().flush()
        texts = "".join(f"<si><t>{text}</t></si>" for text in names)
        book.writestr("xl/sharedStrings.xml", f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="{len(names)}" uniqueCount="{len(names)}">{texts}</sst>')


def by_hand(kind, path):
    """What the peers do: run in a process of its own."""
    database = sqlite3.connect(os.path.join(os.path.dirname(path), "hand.db"))
    database.execute("CREATE TABLE t (id INTEGER, name TEXT, city TEXT, amount TEXT, day TEXT)")
    if kind == "csv":
        rows = csv.reader(open(path, encoding="cp1250", newline=""), delimiter=";")
        next(rows)
    elif kind == "json":
        rows = (tuple(item.values()) for item in json.load(open(path, encoding="utf-8"))["data"]["items"])
    elif kind == "xml":
        from lxml import etree

        def elements():
            for _, item in etree.iterparse(path, tag="item"):
                yield tuple(field.text for field in item)
                item.clear()
                while item.getprevious() is not None:
                    del item.getparent()[0]

        rows = elements()
    else:
        from python_calamine import CalamineWorkbook

        rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows()
        next(rows)
    with database:
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)


def measured(command, folder):
    began = time.monotonic()
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{command}: {said.decode()}")
    return time.monotonic() - began, used.ru_maxrss / 1024


def main():
    if sys.argv[1] == "--by-hand":
        return by_hand(sys.argv[2], sys.argv[3])
    dc = os.path.abspath(sys.argv[1])
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    megabytes = int(sys.argv[3]) if len(sys.argv) > 3 else 1024
    lines = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("DC_BENCH_FOLDER")) as folder:
        at = lambda name: os.path.join(folder, name)
        write_csv(at("t.csv"), rows)
        write_json(at("t.json"), rows)
        write_xlsx(at("t.xlsx"), rows)
        elements = write_xml(at("t.xml"), megabytes)
        cases = [
            ("csv", "CSV, windows-1250", rows, ["--encoding", "windows-1250"]),
            ("json", "JSON, records inside", rows, ["--records", "data.items"]),
            ("xlsx", "XLSX, one sheet", rows, []),
            ("xml", "XML, elements", elements, ["--records", "//item"]),
        ]
        for kind, what, count, options in cases:
            path = at(f"t.{kind}")
            for name in os.listdir(folder):
                if not name.startswith("t."):
                    os.remove(at(name))
            seconds, memory = measured([dc, "merge", "t", path, "--create", "--key", "id", *options], folder)
            missing = {"xml": "lxml", "xlsx": "python_calamine"}.get(kind)
            hand = "| | |"
            if missing is None or importlib.util.find_spec(missing):
                other, heap = measured([sys.executable, os.path.abspath(__file__), "--by-hand", kind, path], folder)
                hand = f"| {other:.1f} | {heap:.0f} |"
            size = os.path.getsize(path) >> 20
            lines.append(f"| {what} | {size} | {count} | {seconds:.1f} | {memory:.0f} {hand}")
            print(lines[-1], flush=True)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "RESULTS.md"), "w") as out:
        out.write("# Large files of each format\n\n")
        out.write(f"Written by `benches/formats/measure.py DC {rows} {megabytes}`, {os.cpu_count()} cores: the first load of a table with a key, with\n")
        out.write("a hash, an index and a history of each row; by hand (csv, json, calamine, lxml and executemany) the rows alone, without any.\n\n")
        out.write("| file | MiB | records | dc, seconds | dc, MiB | by hand, seconds | by hand, MiB |\n|---|--:|--:|--:|--:|--:|--:|\n")
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
