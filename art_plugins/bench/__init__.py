"""ART's attacks as its users run them on several tasks today, beside the plugin's."""

from art_plugins.bench.run import run_bench

__all__ = ["run_bench"]
