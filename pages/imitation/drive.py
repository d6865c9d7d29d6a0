"""The board under the hand, by its former name."""

import sys

from pages.ui import drive

sys.modules[__name__] = drive
