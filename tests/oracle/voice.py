"""Reviews and surveys (TRUST_MODEL 6.4)."""

from clocks import stage_times
from findings import Finding, Interval
from policy import PPM


def sentiment(event, object_):
    """The sentiment findings of a review's version or a customer's message."""
    s = event.get("sentiment_ppm", 0)
    if s == 0:
        return []
    strength = abs(s) * event.get("confidence_ppm", PPM) // PPM
    kind = "sentiment_good" if s > 0 else "sentiment_bad"
    return [Finding(kind, object_, event.time, (event.name,), magnitude=strength)]


class Review:
    """A review of one case."""

    def __init__(self, event, settings):
        self.settings = settings
        self.id = event.get("review_id")
        self.object = f"r:{self.id}"
        self.submitted = event
        self.labels = event.labels
        self.class_ = "verified" if event.get("verified", True) else "unverified"
        self.version = event
        self.answer = None  # the first reply by a human
        self.removal = None

    def _clock(self):
        """(stage 0 or None, stop or None) of the clock review_reply; None if it does not run."""
        if self.submitted.get("stars") > self.settings.voice["answer_stars"]:
            return None
        # The fold takes no reply after a removal, so a reply always came first.
        stopping = self.answer or self.removal
        stop = None if stopping is None else stopping.time
        clock = self.settings.clocks["review_reply"]
        history = [(self.submitted.time, "open", "normal")]
        reached = stage_times(clock, history, self.submitted.time, stop, clock.stages[:1])
        return (reached[0] if reached else None), stop

    def _clock_events(self):
        return (self.submitted.name,) + ((self.answer.name,) if self.answer else ())

    def findings(self):
        if self.removal is None:
            version = self.version
            stars = version.get("stars") - 1
            yield Finding("stars", self.object, version.time, (version.name,), self.class_, stars)
            yield from sentiment(version, self.object)
        clock = self._clock()
        if clock is None:
            return
        overdue, _ = clock
        if overdue is not None:
            yield Finding("review_unanswered", self.object, overdue, self._clock_events())
        elif self.answer is not None:
            yield Finding("review_answered", self.object, self.answer.time, self._clock_events())

    def intervals(self):
        clock = self._clock()
        if clock is not None and clock[0] is not None:
            yield Interval("REVIEW_UNANSWERED", self.object, clock[0], clock[1], self._clock_events())


class Survey:
    """A survey of one case: its last answer counts."""

    def __init__(self, event):
        self.object = f"s:{event.get('survey_id')}"
        self.answer = event

    @property
    def labels(self):
        return self.answer.labels

    def findings(self):
        answer = self.answer
        instrument = answer.get("instrument")
        if instrument == "servqual":
            yield from self._servqual()
        else:
            magnitude = answer.get("score") - (0 if instrument == "nps" else 1)
            yield Finding(instrument, self.object, answer.time, (answer.name,), magnitude=magnitude)

    def _servqual(self):
        items = self.answer.get("items")
        for dimension in {item["dimension"]: None for item in items}:
            chosen = [item for item in items if item["dimension"] == dimension]
            weights = sum(item["weight"] for item in chosen)
            points = sum(item["weight"] * (item["score"] - 1) for item in chosen)
            mean = points * PPM // (6 * weights)
            kind = f"servqual_{dimension}"
            yield Finding(kind, self.object, self.answer.time, (self.answer.name,), magnitude=mean)
