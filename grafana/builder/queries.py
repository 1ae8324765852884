"""PromQL that several panels share. A gauge is never looked at only once a step: short outages fall between two looks.

Every metric is written with its braces, also when they are empty: tests find
the metrics by them.
"""

CHOSEN = 'service=~"$service",vantage=~"$vantage"'
"""The services and vantages that the reader chose."""
WHOLE = f'{CHOSEN},component=""'
"""Counters of services as a whole."""
HERE = 'instance=~"$instance"'
STARTS = "lastseen_outage_start_timestamp_seconds"
_AHEAD = "15m"
"""How much later than it began an outage may be known: what is slow or comes and goes needs its rounds."""


def over_step(function: str, metric: str, matching: str) -> str:
    """``function``_over_time of one step; the last value where a step is too short to hold one."""
    series = f"{metric}{{{matching}}}"
    return f"({function}_over_time({series}[$__interval]) or {series})"


def timeline(metric: str, matching: str, by: str, *, function: str = "max") -> str:
    """The worst of each step by these labels, and -2 wherever there is nothing, of all that there is in the range."""
    known = f"last_over_time({metric}{{{matching}}}[$__range] @ end())"
    return f"{function} by ({by}) {over_step(function, metric, matching)} or (0 * max by ({by}) ({known}) - 2)"


def in_outage(matching: str, by: str = "service") -> str:
    """The start of the outage that each step lies in, Unix seconds; nothing outside of outages.

    An outage is known a little after it began. Therefore each step also looks
    ahead, whether what came to be known later had begun by then: at first for the
    earliest start, because a graver part may be shown in its place for a scrape
    or two, and where steps are too wide for that, for any.
    """
    series = f"{STARTS}{{{matching}}}"
    open_then = f"last_over_time({series}[$__interval]) > 0"
    earliest = f"min_over_time(({open_then})[{_AHEAD}:$__interval] offset -{_AHEAD}) <= time()"
    known = f"max_over_time({series}[$__interval]) > 0 or {series} > 0"
    later = f"(max_over_time({series}[{_AHEAD}] offset -{_AHEAD}) > 0) <= time()"
    return f"min by ({by}) ({earliest} or {known} or {later})"


def as_region(start: str) -> str:
    """Epoch milliseconds from which Grafana's annotations make one region, exact at its start at any zoom.

    With "series value as timestamp" every value is a moment, and moments not
    more than a step apart are one region: the start, and then each step's
    predecessor.
    """
    before = "(time() - $__interval_ms / 1000)"
    return f"round(1000 * (({start} > {before}) or (0 * {start} + {before})))"


def by_place(matching: str) -> str:
    """The state of each service by ``place``, which is a vantage and its region: ``fra-1 eu``."""
    state = f"max by (service, vantage) (lastseen_service_state{{{matching}}})"
    region = 'max by (vantage, region) (lastseen_vantage_info{vantage=~".+"})'
    return f'label_join({state} * on (vantage) group_left (region) {region}, "place", " ", "vantage", "region")'


def increase(metric: str, matching: str) -> str:
    """How much a counter grew in the range."""
    return f"increase({metric}{{{matching}}}[$__range])"


def watched(matching: str) -> str:
    """Seconds of the range for which Prometheus has the state of a service, from each vantage."""
    return f"count_over_time(lastseen_service_state{{{matching}}}[$__range:$__interval]) * $__interval_ms / 1000"


def seen(matching: str) -> str:
    """Seconds of the range in which somebody could tell, by service, vantages added up."""
    blind = increase("lastseen_unobserved_seconds_total", f'{matching},component=""')
    return f"sum by (service) ({watched(matching)} - {blind})"


def availability(matching: str) -> str:
    """Share of the time seen in which a service was not down, vantages averaged by what they saw."""
    down = increase("lastseen_downtime_seconds_total", f'{matching},component=""')
    return f"clamp_min(1 - sum by (service) ({down}) / {seen(matching)}, 0)"


def coverage(matching: str) -> str:
    """Share of the range in which somebody could tell, vantages averaged."""
    vantages = f"count by (service) (last_over_time(lastseen_service_state{{{matching}}}[$__range]))"
    return f"clamp_max({seen(matching)} / ({vantages} * $__range_s), 1)"


def downtime(matching: str) -> str:
    """Seconds down in the range, of the vantage that counted most."""
    return f"max by (service) ({increase('lastseen_downtime_seconds_total', matching)})"


def outages(matching: str) -> str:
    """Outages begun in the range, of the vantage that counted most."""
    return f"max by (service) (round({increase('lastseen_outages_total', matching)}))"


def quantile(q: float, by: str, metric: str, matching: str) -> str:
    """A quantile of a classic histogram; nothing, and not NaN, where nothing was counted."""
    rate = f"rate({metric}_bucket{{{matching}}}[$__rate_interval])"
    return f"histogram_quantile({q:g}, sum by ({by}, le) ({rate})) >= 0"


def latency(by: str) -> str:
    """The 95th percentile of the components that have a state: the provider's word about itself has none."""
    rate = f"rate(lastseen_probe_latency_seconds_bucket{{{CHOSEN}}}[$__rate_interval])"
    judged = f"last_over_time(lastseen_component_state{{{CHOSEN}}}[$__range] @ end())"
    evidence = f"{rate} and on (service, component, vantage) {judged}"
    return f"histogram_quantile(0.95, sum by ({by}, le) ({evidence})) >= 0"


def a_minute(by: str, metric: str, matching: str) -> str:
    """Events a minute."""
    return f"60 * sum by ({by}) (rate({metric}{{{matching}}}[$__rate_interval]))"


def where_any(by: str, metric: str, matching: str) -> str:
    """Events a minute, of what there was any of in the range: no entry of a legend for what never happened."""
    grown = f"sum by ({by}) (increase({metric}{{{matching}}}[$__range] @ end())) > 0"
    return f"{a_minute(by, metric, matching)} and on ({by}) ({grown})"
