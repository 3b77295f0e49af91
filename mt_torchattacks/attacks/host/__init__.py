"""The adapter to torchattacks: its loops, unchanged, ascend the objective of several tasks."""
