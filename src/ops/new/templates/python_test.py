"""Reads the sample: `python3 -m unittest` in this folder."""

import unittest
from pathlib import Path

import main
from dcollect.testing import collect

SAMPLE = Path(__file__).with_name("{{SAMPLE}}")


class Records(unittest.TestCase):
    def test_the_sample_gives_its_records(self):
        run = collect(main.collect{{ANSWERS}})
        self.assertEqual(len(run.records), {{COUNT}})
        for record in run.records:
            self.assertLessEqual(set(record), {{FIELDS}})


if __name__ == "__main__":
    unittest.main()
