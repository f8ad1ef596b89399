"""What a report says of a row: one catalogue of reasons, English and Chinese. Refusals of commands have theirs in the contract."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from mobile_contract.errors import ERRORS, Language


class Fate(StrEnum):
    """What became of a row, or what is to be said of it although it was taken."""

    REFUSED = "refused"
    FLAGGED = "flagged"


class Note(Struct, frozen=True, kw_only=True):
    """One line of the report. `code` is a reason of this module or of the contract's catalogue; `detail` says which field or value."""

    row: int
    key: str
    fate: Fate
    code: str
    detail: str = ""


class Reason(Struct, frozen=True):
    """A reason in both languages."""

    en: str
    zh: str


REASONS: Final[dict[str, Reason]] = {
    "cells_missing": Reason("The row has fewer cells than the header.", "该行单元格少于表头。"),
    "cells_too_many": Reason("The row has more cells than the header; the rest is not read.", "该行单元格多于表头，多余部分未读取。"),
    "coordinates_half": Reason("Only one of longitude and latitude is there.", "经纬度只有其一。"),
    "coordinates_maybe_swapped": Reason("Longitude and latitude look swapped.", "经纬度可能颠倒。"),
    "coordinates_missing": Reason("No coordinates.", "无坐标。"),
    "coordinates_not_finite": Reason("The coordinates are no numbers.", "坐标不是数字。"),
    "coordinates_null_island": Reason("The coordinates are 0, 0.", "坐标为 0, 0。"),
    "coordinates_out_of_range": Reason("The coordinates are not a place on earth.", "坐标超出范围。"),
    "coordinates_unreadable": Reason("The coordinates cannot be read.", "坐标无法读取。"),
    "crew_changed": Reason("The person leaves another crew for this one.", "该人员转入此班组。"),
    "file_not_geojson": Reason("The outline is no GeoJSON.", "边界不是有效的 GeoJSON。"),
    "feature_unreadable": Reason("This is no GeoJSON feature.", "不是有效的 GeoJSON 要素。"),
    "geometry_missing": Reason("The feature has no geometry.", "该要素没有几何。"),
    "gtin_wrong": Reason("The check digit of a barcode number is wrong; the part comes without it.", "条码校验位错误，已忽略该条码。"),
    "import_fault": Reason("The server made a mistake on this row; the log says more.", "服务器处理该行时出错，详见日志。"),
    "key_missing": Reason("The row has no key; its content alone says which row it is.", "该行无主键，仅以内容识别。"),
    "key_known": Reason("A job with this reference came with other content before; both are kept.", "相同编号的工单此前已导入且内容不同，两者均保留。"),
    "key_repeated": Reason("Another row of the file has the same key; each becomes a job.", "文件中另有相同主键的行，各成工单。"),
    "key_repeated_refused": Reason("An earlier row of the file has the same code; that one counts.", "文件中前面已有相同代码的行，以前者为准。"),
    "login_taken": Reason("Somebody else has this login; the person has none.", "该登录名已被占用，未设置。"),
    "opening_known": Reason("It was opened before with other figures; count it to change what is there.", "期初库存此前已按其他数值录入，请通过盘点更正。"),
    "outside_districts": Reason("The point is outside every district.", "坐标不在任何区域内。"),
    "reported_in_future": Reason("The date is in the future.", "日期在将来。"),
    "row_repeated": Reason("The row is identical to an earlier one; both are kept.", "该行与前面某行完全相同，均保留。"),
    "settings_changed": Reason("The row was imported before under another mapping; it stays as it was.", "该行曾以其他映射导入，保持原样。"),
    "text_cut": Reason("The text is too long and was cut.", "文字过长，已截断。"),
    "unknown_location": Reason("There is no such place; import the locations first.", "没有此库位，请先导入库位。"),
    "unknown_part": Reason("There is no such part; import the parts first.", "没有此物料，请先导入物料。"),
    "unknown_code": Reason("Nothing has this code; left empty.", "没有此代码，已留空。"),
    "value_missing": Reason("A required value is missing.", "缺少必填值。"),
    "value_unreadable": Reason("A value cannot be read.", "有值无法读取。"),
    # what geo says of outlines
    "district_coordinates_bad": Reason("The outline has impossible coordinates.", "边界坐标无效。"),
    "district_not_a_polygon": Reason("The outline is no polygon.", "边界不是多边形。"),
    "district_parent_circle": Reason("The district would be above itself; it has no parent now.", "上级成环，已取消上级。"),
    "district_parent_unknown": Reason("There is no such parent; it has none now.", "没有该上级，已取消上级。"),
    "district_spans_antimeridian": Reason("The outline crosses the antimeridian; cut it there.", "边界跨越 180 度经线，请分割。"),
    "district_without_area": Reason("The outline has no area.", "边界没有面积。"),
    "district_overlaps": Reason("It overlaps another district; a point in both belongs to the smaller.", "与其他区域重叠，重叠处归较小者。"),
    "elevation_dropped": Reason("Elevations were dropped.", "已去除高程。"),
    "name_missing": Reason("It has no name; the code stands for it.", "没有名称，以代码代替。"),
    "parts_dropped": Reason("Lines and points of the outline were dropped.", "已去除边界中的线和点。"),
    "ring_closed": Reason("A ring was not closed; it is now.", "环未闭合，已闭合。"),
    "self_intersection_repaired": Reason("The outline crossed itself and was repaired.", "边界自交，已修复。"),
}  # fmt: skip


def message_of(code: str, language: Language) -> str:
    """Say a reason in a language. Raises KeyError for a code that neither catalogue has."""
    reason = REASONS.get(code)
    if reason is not None:
        return reason.zh if language is Language.ZH else reason.en
    return ERRORS[code].text(language)
