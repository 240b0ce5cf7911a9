"""Draws the invoices in `inbox`: text in Helvetica, no library needed. Companies and numbers are invented; the accounts have
valid check digits."""

from pathlib import Path

INVOICES = {
    "morski-otoci-117.pdf": [
        (50, 60, "MORSKI OTOCI d.o.o."), (50, 74, "IBAN: HR12 1001 0051 8630 0016 0"),
        (50, 120, "RA\x8cUN br."), (150, 120, "117/1/1"), (330, 120, "Datum ra\x8duna:"), (450, 120, "20.11.2026."),
        (50, 160, "Mre\x9ea potezna 40 mm"), (450, 160, "960,00"), (50, 174, "Konop 12 mm"), (450, 174, "27,65"),
        (330, 200, "PDV 25 %"), (450, 200, "246,91"), (330, 220, "Ukupno za platiti"), (450, 220, "1.234,56 EUR"),
    ],
    "harbour-supplies-421.pdf": [
        (50, 60, "Harbour Supplies Ltd"), (330, 60, "Invoice number"), (450, 60, "INV-00421"),
        (330, 80, "Date"), (450, 80, "07/11/2026"), (50, 120, "Mooring rope"), (450, 120, "1,050.00"),
        (330, 160, "Total due"), (450, 160, "USD 1,050.00"),
    ],
    "bergwerkzeug-815.pdf": [
        (50, 60, "Bergwerkzeug GmbH"), (50, 74, "IBAN DE89 3704 0044 0532 0130 00"),
        (50, 120, "Rechnungs-Nr."), (180, 120, "Rechnungsdatum"), (50, 134, "RE-2026-0815"), (180, 134, "03.11.2026"),
        (50, 170, "Eispickel"), (450, 170, "899,00"), (330, 200, "Gesamtbetrag"), (450, 200, "1.069,81 EUR"),
    ],
}
# letters that Helvetica has at other places than WinAnsi, by the names that PDF knows
DIFFERENCES = "[140 /Ccaron 141 /ccaron 158 /zcaron]"


def pdf(words):
    text = "".join(f"BT /F1 10 Tf {x} {842 - y} Td ({word}) Tj ET\n" for x, y, word in words).encode("latin-1")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%sendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences"
        + DIFFERENCES.encode() + b">>>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    start = len(out)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        count, table, count, start)


for name, words in INVOICES.items():
    (Path(__file__).parent / "inbox" / name).write_bytes(pdf(words))
