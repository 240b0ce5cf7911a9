"""Reads the sample: `python3 -m unittest` in this folder."""

import unittest
from pathlib import Path

import parse


class Records(unittest.TestCase):
    def test_the_sample_gives_its_records(self):
        text = Path(__file__).with_name("{{SAMPLE}}").read_text(encoding="utf-8-sig")
        self.assertEqual(len(parse.records(text)), {{COUNT}})


if __name__ == "__main__":
    unittest.main()
