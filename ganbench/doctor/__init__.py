"""The verb `doctor`: what is here, and what each suite would miss."""
