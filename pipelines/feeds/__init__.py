"""Business feeds: tenants, revenue, outcomes, other costs and provider bills, read from files and checked."""

from pipelines.feeds.describe import describe_feed
from pipelines.feeds.detect import detect_feed, feed_by_name
from pipelines.feeds.problems import FeedError, Problem
from pipelines.feeds.reader import read_feed
from pipelines.feeds.validate import FeedRows

__all__ = ["FeedError", "FeedRows", "Problem", "describe_feed", "detect_feed", "feed_by_name", "read_feed"]
