"""Networks: generators, discriminators, frozen pretrained extractors."""
