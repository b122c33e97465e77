"""The ten ways in which profiles break most, and what a person reads then."""

from __future__ import annotations

import pytest

from tests.unit.profiles.profile_texts import VALID, broken, problems, the_advice, the_problem


def test_a_line_that_is_indented_too_far_is_shown_with_the_block_it_left() -> None:
    text = broken('    condition: "> 82"', '      condition: "> 82"')
    assert the_problem(text) == ("wrong indentation", 9, 7, 'condition: "> 82"')


def test_a_tab_is_called_a_tab() -> None:
    text = broken("    duration", "\tduration")
    assert the_problem(text) == ("a tab is used for indentation", 10, 1, "\t")
    assert the_advice(text) == "YAML allows spaces only. Replace the tab by spaces."


def test_a_duplicate_key_names_the_line_of_the_first() -> None:
    text = VALID + "    severity: info\n"
    assert the_problem(text) == ('duplicate key "severity"', 17, 5, "severity")
    assert the_advice(text) == "It stands already in line 16. Remove one of the two."


def test_an_unknown_key_suggests_the_nearest_one() -> None:
    text = broken("    severity", "    severty")
    assert the_problem(text) == ('unknown key "severty"', 16, 5, "severty")
    assert the_advice(text).startswith('Did you mean "severity"? Policy "cool" may have: name, description, target,')


def test_a_misspelled_key_is_not_also_a_missing_one() -> None:
    assert the_problem(broken("condition:", "treshold:")) == ('unknown key "treshold"', 9, 5, "treshold")
    assert the_advice(broken("condition:", "treshold:")).startswith('Did you mean "condition"?')


def test_a_unit_that_is_not_the_target_s_names_the_right_one() -> None:
    text = broken('"> 82"', '"> 82%"')
    assert the_problem(text) == ('gpu_temp_celsius is measured in C, not in "%"', 9, 16, '"> 82%"')
    assert the_advice(text) == 'Write "> 82C" or just "> 82".'


def test_a_negative_step_is_refused() -> None:
    text = broken("step_watts: 50", "step_watts: -50")
    assert the_problem(text) == ("step_watts must be greater than 0, found -50", 14, 21, "-50")
    assert "without the minus sign" in the_advice(text)


def test_text_where_a_number_belongs_is_shown() -> None:
    text = broken("step_watts: 50", "step_watts: fifty")
    assert the_problem(text) == ('step_watts must be a number, found text "fifty"', 14, 21, "fifty")


def test_an_unknown_action_suggests_the_nearest_one() -> None:
    text = broken("throttle_power", "throtle_power")
    assert the_problem(text) == ('unknown action "throtle_power"', 12, 13, "throtle_power")
    assert the_advice(text).startswith("Did you mean throttle_power? Write one of: throttle_power, lock_clock,")


def test_a_missing_block_is_named_and_shown() -> None:
    text = VALID.split("policies:")[0]
    assert the_problem(text)[:2] == ('the block "policies" is missing', 1)
    assert "policies:\n      - name: thermal-safety\n" in the_advice(text)


FIVE_MEGABYTES_OF_ALIASES = ("a: &a x\n" + "b: [" + "*a, " * 1_250_000 + "]\n").encode()
BILLION_LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(9))


def test_five_megabytes_of_aliases_are_refused_unread() -> None:
    summary = the_problem(FIVE_MEGABYTES_OF_ALIASES)[0]
    assert summary == "the file has 5,000,014 bytes, more than the 131,072 that a file may have"


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (BILLION_LAUGHS, "the file holds more than 10,000 values once its aliases are expanded"),
        ("a: &a x\n" + "b: *a\n" * 300, "the file has more than 200 aliases"),
        ("- " * 60 + "x", "values are nested more than 40 deep"),
        ("[" * 8000, "values are nested more than 40 deep"),
        ("[" * 9000, "the line has 9,000 characters, more than the 8,192 that a line may have"),
        ("- x\n" * 20_000, "the file holds more than 10,000 values"),
    ],
)
def test_a_file_that_would_cost_time_is_refused_early(text: str, summary: str) -> None:
    assert summary in [problem.summary for problem in problems(text)]


@pytest.mark.parametrize(
    ("old", "new", "summary"),
    [
        ('"> 82"', "> 82", "> 82 must be quoted"),
        ('"> 82"', "82", "condition needs an operator, found the number 82"),
        ('"> 82"', "!= 82", "a condition that begins with != must be quoted"),
        ('"> 82"', ">5", 'condition must be text such as "> 82", found no text'),
        ('"> 82"', '"=> 82"', '"=> 82" is not a condition'),
        ('"> 82"', '"> 82", x', "there is text after the closing quote"),
        ("gpu_temp_celsius", "gpu_temp", 'unknown target "gpu_temp"'),
        ("5m", "5 minutes", '"5 minutes" is not a duration'),
        ("5m", "300", "duration needs a unit, found the number 300"),
        ('"1.0"', "1.0", "version must be text, found the number 1.0"),
        ("lab", "{{ name }}", "a key must be text, found a mapping"),
        ("lab", "*lab", "the text *lab must be quoted"),
        ("lab", "!!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not used here"),
        ("lab", r'"\e[31m"', "the text holds the control character U+001B"),
        ("lab", "a/b", 'name must be text without quotes, "/", "@" and "\\", found text "a/b"'),
        ("step_watts: 50", "step_watts: .inf", "the number is too large, or none at all"),
        ("step_watts: 50", "step_watts: 0x" + "f" * 5000, "the number is too large, or none at all"),
        ("step_watts: 50", "step_watts: true", "step_watts must be a number, found true"),
        ("min_watts: 300", "min_watts: 300\n        channel: x", None),
        ("        min_watts: 300\n", "", 'action throttle_power needs "min_watts"'),
        ("severity: critical", "release: {condition: '< 80%'}", 'gpu_temp_celsius is measured in C, not in "%"'),
        ("EfficiencyProfile", "Deployment", 'this is a "Deployment", not an EfficiencyProfile'),
        ("apiVersion: v1", "apiVersion: v2", 'apiVersion must be v1, found text "v2"'),
    ],
)
def test_every_mistake_has_a_sentence_of_its_own(old: str, new: str, summary: str | None) -> None:
    expected = summary or '"channel" is a parameter of alert, not of throttle_power'
    assert the_problem(broken(old, new))[0] == expected


@pytest.mark.parametrize(
    ("setting", "summary"),
    [
        ("power_limit_watts: 0", "power_limit_watts must be greater than 0, found 0"),
        ("power_limit_watts: 250%", '"250%" is not a share of the default power limit'),
        ("graphics_clock_mhz: {min: 9, max: 3}", "graphics_clock_mhz: min 9 is above max 3"),
        ("persistence_mode: on", 'persistence_mode must be true or false, found text "on"'),
        ("compute_mode: exclusive_thread", 'unknown compute_mode "exclusive_thread"'),
        ("power_limit: 300", 'unknown key "power_limit"'),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting: str, summary: str) -> None:
    assert the_problem(broken("policies:", f"settings:\n  {setting}\npolicies:"))[0] == summary


@pytest.mark.parametrize(
    ("action", "summary"),
    [
        ("{type: alert}", 'an alert needs "channel"'),
        ("{type: alert, chanel: x}", 'unknown key "chanel"'),
        ("{type: alert, channel: x, parameters: {channel: y}}", "channel is given twice"),
        ("{type: alert, channel: x, repeat: 4h}", '"repeat" must be given under "parameters"'),
        ("{type: alert, channel: x, parameters: {repeat: 4}}", "repeat needs a unit, found the number 4"),
        ("{type: lock_clock, channel: x, parameters: {frequency_mhz: 1}}", '"channel" is a parameter of alert,'),
        ("{type: kill_process, parameters: {grace_period_seconds: -1}}", "grace_period_seconds must be at least 0"),
        ("{type: lock_clock}", 'the action of policy "cool" needs "parameters"'),
    ],
)
def test_an_action_that_cannot_be_is_refused(action: str, summary: str) -> None:
    begin, end = VALID.index("action:\n"), VALID.index("    severity")
    assert the_problem(f"{VALID[:begin]}action: {action}\n{VALID[end:]}")[0].startswith(summary)


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "the file is empty: it holds no profile"),
        (b"# only a comment\n", "the file is empty: it holds no profile"),
        (b"- a\n", "a profile must be a mapping, found a list"),
        (b"gpus: 3\n", "this is not a profile"),
        (VALID.encode() + b"# \xff", "byte 0xff is not UTF-8 text"),
        (VALID.encode("utf-16"), "the file is UTF-16, not UTF-8"),
        (b"a: \x00", "the control character U+0000 is not allowed"),
    ],
)
def test_a_file_that_is_something_else_is_called_so(data: bytes, summary: str) -> None:
    assert the_problem(data)[0] == summary


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert the_problem(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").replace(": 50", ": -50").encode())[1:3] == (14, 21)
