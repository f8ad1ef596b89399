"""Names of the synthetic city in English and Chinese. Owns nothing but words; no real place is meant."""

from typing import Final

CITY: Final = ("Meridian", "子午市")

STEMS: Final = (
    ("Harbour", "港口"),
    ("Lighthouse", "灯塔"),
    ("Maple", "枫林"),
    ("Willow", "柳"),
    ("Cedar", "雪松"),
    ("Camphor", "香樟"),
    ("Ginkgo", "银杏"),
    ("Jasmine", "茉莉"),
    ("Lotus", "荷花"),
    ("Orchid", "兰花"),
    ("Plum", "梅园"),
    ("Bamboo", "竹溪"),
    ("Mill", "磨坊"),
    ("Foundry", "铸造"),
    ("Weaver", "织造"),
    ("Potter", "陶工"),
    ("Granary", "粮仓"),
    ("Ferry", "渡口"),
    ("Anchor", "锚地"),
    ("Heron", "白鹭"),
    ("Swallow", "燕子"),
    ("Crane", "仙鹤"),
    ("Kingfisher", "翠鸟"),
    ("Dragon Well", "龙井"),
    ("Clear Spring", "清泉"),
    ("Stone Bridge", "石桥"),
    ("Long Wall", "长墙"),
    ("Drum Tower", "鼓楼"),
    ("Bell Tower", "钟楼"),
    ("Scholar", "书院"),
    ("Market", "集市"),
    ("Silk", "丝绸"),
    ("Tea House", "茶馆"),
    ("Observatory", "天文台"),
    ("Garden", "花园"),
    ("Sunrise", "朝阳"),
    ("Evening Star", "长庚"),
    ("North Star", "北辰"),
    ("Peace", "和平"),
    ("Friendship", "友谊"),
    ("Unity", "团结"),
    ("Prosperity", "兴隆"),
    ("Harmony", "和谐"),
    ("Victory", "胜利"),
    ("Reservoir", "水库"),
    ("Waterworks", "水厂"),
    ("Gasworks", "煤气"),
    ("Station", "车站"),
    ("Quarry", "采石"),
    ("Vineyard", "葡萄园"),
    ("Apple", "苹果"),
    ("Chestnut", "栗树"),
    ("Hillside", "山坡"),
    ("Valley", "山谷"),
    ("Cloud", "云水"),
    ("Snow", "雪岭"),
    ("Amber", "琥珀"),
    ("Jade", "翡翠"),
    ("Copper", "铜山"),
    ("Salt", "盐市"),
)

# How a street is called by its kind.
KINDS: Final = {
    "arterial": ("Avenue", "大道"),
    "row": ("Street", "街"),
    "column": ("Road", "路"),
}
RING: Final = ("Ring Road", "环城路")
DIAGONAL: Final = ("Republic Boulevard", "共和大道")
EMBANKMENTS: Final = (("North Embankment", "北堤路"), ("South Embankment", "南堤路"))
RIVER: Final = ("Long River", "长河")

ZONES: Final = (("N", "North Bank", "北岸"), ("S", "South Bank", "南岸"))
DISTRICTS: Final = (
    ("Harbour Side", "港湾"),
    ("Old Town", "老城"),
    ("Gardens", "花园"),
    ("University", "大学城"),
    ("Foundry Hill", "铸造山"),
    ("Lakeside", "湖滨"),
    ("Orchards", "果园"),
    ("Station Quarter", "站前"),
    ("Mills", "磨坊"),
    ("Terraces", "台地"),
)
