"""Pages: one self-contained HTML file per suite and profile, and an index. No network, and readable without scripts."""
