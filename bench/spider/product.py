"""Scrapy over the bench's pages: `scrapy runspider product.py -a urls=FILE`.

Yields name and price from each page's JSON-LD. One JSON line on stdout says what came of it; the clock runs from the
spider's opening to its close, so that Python's start-up is not held against it.
"""

import json
import time

import scrapy


class ProductSpider(scrapy.Spider):
    name = "product"
    custom_settings = {
        "CONCURRENT_REQUESTS": 100,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 100,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": False,
        "LOG_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "COOKIES_ENABLED": False,
    }

    def __init__(self, urls, **kwargs):
        super().__init__(**kwargs)
        with open(urls, encoding="utf-8") as lines:
            self.urls = lines.read().split()
        self.items = 0
        self.started = time.perf_counter()
        self.cpu_started = time.process_time()

    async def start(self):
        for url in self.urls:
            yield scrapy.Request(url, dont_filter=True)

    def parse(self, response):
        for text in response.css('script[type="application/ld+json"]::text').getall():
            product = json.loads(text)
            if product.get("@type") == "Product":
                self.items += 1
                yield {"name": product["name"], "price": product["offers"]["price"]}

    def closed(self, reason):
        print(
            json.dumps(
                {
                    "pages": len(self.urls),
                    "items": self.items,
                    "elapsed_s": time.perf_counter() - self.started,
                    "cpu_s": time.process_time() - self.cpu_started,
                }
            )
        )
