"""What the decoder says about a wrong field, in Chinese. Owns the phrases of msgspec; a phrase it does not know stays English."""

import re
from typing import Final

_PHRASES: Final = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"Object missing required field `(.+)`", r"缺少必填字段 `\1`"),
        (r"Object contains unknown field `(.+)`", r"含有未知字段 `\1`"),
        (r"Expected `(.+)` of length <= (\d+)", r"长度不得超过 \2"),
        (r"Expected `(.+)` of length >= (\d+)", r"长度不得少于 \2"),
        (r"Expected `(.+)` <= (\S+)", r"不得大于 \2"),
        (r"Expected `(.+)` >= (\S+)", r"不得小于 \2"),
        (r"Expected `(.+)` < (\S+)", r"必须小于 \2"),
        (r"Expected `(.+)` > (\S+)", r"必须大于 \2"),
        (r"Expected `(.+)` matching regex (.+)", r"格式必须符合 \2"),
        (r"Expected `(.+)` with a timezone component", r"时间必须带时区"),
        (r"Expected `(.+)`, got `(.+)`", r"应为 `\1`，得到 `\2`"),
        (r"Invalid enum value (.+)", r"不允许的值 \1"),
        (r"Invalid value (.+)", r"不允许的值 \1"),
        (r"Invalid UUID", r"UUID 无效"),
        (r"Invalid RFC3339 encoded datetime", r"时间格式无效（RFC 3339）"),
        (r"Invalid decimal string", r"小数格式无效"),
    )
)


def in_chinese(message: str) -> str:
    """Say a decoder's message in Chinese; one that is not known comes back as it is."""
    for pattern, chinese in _PHRASES:
        match = pattern.fullmatch(message)
        if match is not None:
            return match.expand(chinese)
    return message
