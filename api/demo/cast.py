"""Who and what the demo organisation consists of: names of people, parts with prices, skills. Invented; owns no id and no row."""

from typing import Final

from msgspec import Struct

from mobile_contract.schema.people import Role


class OfficeLine(Struct, frozen=True):
    """Somebody in the office; the login is the code."""

    code: str
    name: str
    role: Role
    language: str = "en"


class PartLine(Struct, frozen=True):
    """A part of the catalogue with its price in CNY."""

    code: str
    en: str
    zh: str
    cost: str
    unit: str = "pcs"
    serialised: bool = False


OFFICE: Final = (
    OfficeLine("dispatcher", "Dana Reyes", Role.DISPATCHER),
    OfficeLine("dispatcher2", "冯静 Feng Jing", Role.DISPATCHER, "zh"),
    OfficeLine("engineer", "Emil Novak", Role.ENGINEER),
    OfficeLine("manager", "马骏 Ma Jun", Role.MANAGER, "zh"),
    OfficeLine("deputy_gm", "Greta Lindqvist", Role.DEPUTY_GM),
    OfficeLine("duty_chief", "周海 Zhou Hai", Role.DUTY_CHIEF, "zh"),
    OfficeLine("warehouse", "Walt Oduya", Role.WAREHOUSE),
    OfficeLine("callback", "Carla Mendes", Role.CALLBACK),
    OfficeLine("auditor", "Aoife Byrne", Role.AUDITOR),
)
ADMIN_LOGIN: Final = "admin"

# Two of each crew in turn: the lead, then the second.
TECHNICIANS: Final = (
    "王磊 Wang Lei", "Ana Torres", "李娜 Li Na", "Ben Carter", "张伟 Zhang Wei", "Chloe Martin", "刘洋 Liu Yang", "David Okafor",
    "陈静 Chen Jing", "Elif Kaya", "杨帆 Yang Fan", "Finn Murphy", "赵敏 Zhao Min", "Goran Petrov", "黄涛 Huang Tao", "Hana Sato",
    "吴迪 Wu Di", "Ivan Horvat", "徐丽 Xu Li", "Jonas Weber", "孙强 Sun Qiang", "Kiran Patel", "胡军 Hu Jun", "Lena Fischer",
)  # fmt: skip

CUSTOMERS: Final = (
    "Mrs Alvarez", "Mr Bauer", "何女士 Ms He", "Mr Castellanos", "林先生 Mr Lin", "Ms Dupont", "Mr Eriksson", "郭女士 Ms Guo",
    "Ms Farah", "Mr Grant", "罗先生 Mr Luo", "Mrs Haddad", "Mr Ito", "谢女士 Ms Xie", "Ms Jensen", "Mr Kowalski",
)  # fmt: skip

PARTS: Final = (
    PartLine("clamp-100", "Repair clamp DN100", "哈夫节 DN100", "38.00"),
    PartLine("clamp-150", "Repair clamp DN150", "哈夫节 DN150", "52.00"),
    PartLine("clamp-200", "Repair clamp DN200", "哈夫节 DN200", "68.50"),
    PartLine("coupling-50", "Flexible coupling DN50", "柔性接头 DN50", "18.40"),
    PartLine("coupling-100", "Flexible coupling DN100", "柔性接头 DN100", "33.60"),
    PartLine("pipe-pe-32", "PE pipe DN32", "PE 管 DN32", "6.20", "m"),
    PartLine("pipe-pe-63", "PE pipe DN63", "PE 管 DN63", "14.80", "m"),
    PartLine("pipe-di-100", "Ductile iron pipe DN100", "球墨铸铁管 DN100", "96.00", "m"),
    PartLine("pipe-di-150", "Ductile iron pipe DN150", "球墨铸铁管 DN150", "138.00", "m"),
    PartLine("valve-15", "Ball valve DN15", "球阀 DN15", "9.80"),
    PartLine("valve-25", "Ball valve DN25", "球阀 DN25", "16.50"),
    PartLine("valve-100", "Gate valve DN100", "闸阀 DN100", "245.00"),
    PartLine("valve-150", "Gate valve DN150", "闸阀 DN150", "380.00"),
    PartLine("meter-15", "Water meter DN15", "水表 DN15", "42.00", serialised=True),
    PartLine("meter-20", "Water meter DN20", "水表 DN20", "55.00", serialised=True),
    PartLine("meter-25", "Water meter DN25", "水表 DN25", "78.00", serialised=True),
    PartLine("meter-50", "Water meter DN50", "水表 DN50", "310.00", serialised=True),
    PartLine("seal", "Meter seal", "表封", "0.60"),
    PartLine("gasket-100", "Gasket DN100", "垫片 DN100", "2.40"),
    PartLine("gasket-150", "Gasket DN150", "垫片 DN150", "3.10"),
    PartLine("bolt-m16", "Bolt set M16", "螺栓组 M16", "4.50"),
    PartLine("ptfe", "PTFE tape", "生料带", "0.90"),
    PartLine("hydrant", "Hydrant head", "消火栓头", "420.00"),
    PartLine("hydrant-seal", "Hydrant seal kit", "消火栓密封件", "22.00"),
    PartLine("cover-600", "Manhole cover 600", "井盖 600", "165.00"),
    PartLine("asphalt", "Cold asphalt", "冷补沥青", "8.20", "kg"),
    PartLine("sand", "Bedding sand", "垫层砂", "0.35", "kg"),
    PartLine("hose-gas", "Gas hose", "燃气软管", "26.00"),
    PartLine("regulator", "Gas regulator", "燃气调压器", "118.00"),
    PartLine("box-meter", "Meter box", "水表箱", "64.00"),
)
