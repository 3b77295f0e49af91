"""ART's attacks as its users run them on several tasks today, beside the plugin's: ``python -m benchmarks.art``."""
