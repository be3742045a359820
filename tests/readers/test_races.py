"""The judge of `make races` calls wrong what is wrong, and nothing else."""

import races


def history():
    """An object that was `a` from 1 s on and `b` from 2 s on, and one that was `c` all the time."""
    known, second = races.History(None), 1_000_000_000
    known.versions["messages", "2025-01"] = [
        {"digest": "a", "since": second, "until": 2 * second},
        {"digest": "b", "since": 2 * second, "until": races.FOREVER},
    ]
    known.versions["messages", "2025-02"] = [{"digest": "c", "since": second, "until": races.FOREVER}]
    return known, second


def test_the_judge_tells_right_from_wrong():
    known, second = history()
    early, late = (int(1.2 * second), int(1.4 * second)), (3 * second, 4 * second)
    both = (early[0], late[1])

    def judge(span, **found):
        return known.judge("messages", *span, {"2025-01": found.get("one"), "2025-02": found.get("two")})

    assert judge(early, one="a", two="c") == judge(late, one="b", two="c") == "one instant"
    assert judge(both, one="a", two="c") == judge(both, one="b", two="c") == "one instant"
    assert judge(late, one="a", two="c") == "messages 2025-01 is of another time"
    assert judge(both, one="ab", two="c") == "messages 2025-01 is no version that ever was"
    assert known.judge("messages", *late, {"2025-01": "b"}) == "messages 2025-02 is missing"
    known.versions["messages", "2025-02"] = [
        {"digest": "c", "since": second, "until": 3 * second},
        {"digest": "d", "since": 3 * second, "until": races.FOREVER},
    ]
    assert judge(both, one="a", two="d") == "several"
    assert judge(both, one="b", two="d") == judge(both, one="a", two="c") == "one instant"
