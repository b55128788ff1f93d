"""The words of the bench page, Chinese first, English second."""

LANGUAGES = ("zh-CN", "en")

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("模拟柜台", "Simulator bench"),
    "intro": (
        "这就是柜子本身。门只会被脉冲弹开，只有手能推上。",
        "This is the cabinet itself. A pulse springs a door open; only a hand shuts it.",
    ),
    "temperatures": ("温度", "Temperatures"),
    "doors": ("柜门", "Doors"),
    "screen": ("屏幕", "Screen"),
    "open": ("开着", "open"),
    "shut": ("关着", "shut"),
    "jammed": ("卡住", "jammed"),
    "burnt": ("线圈烧毁", "coil burnt"),
    "push": ("推上", "Push shut"),
    "pull": ("撬开", "Force open"),
    "jam": ("卡住它", "Jam"),
    "free": ("松开它", "Free"),
    "log": ("继电器与柜门记录", "Relays and doors"),
    "log_empty": ("还没有脉冲，也没有门动过。", "No pulse yet, and no door has moved."),
    "pulse": ("脉冲", "pulse"),
    "pulsed": ("被脉冲弹开", "sprung open by a pulse"),
    "pulled": ("被撬开", "forced open"),
    "pushed": ("被推上", "pushed shut"),
    "board": ("板", "board"),
    "channel": ("通道", "channel"),
    "faults": ("故障", "Faults"),
    "no_faults": ("没有故障。", "None."),
    "clear_all": ("全部清除", "Clear all"),
    "fault_no_answer": ("{target} 号板不应答", "unit {target} does not answer"),
    "fault_late_answer": ("{target} 号板迟答", "unit {target} answers late"),
    "fault_stuck_relay": ("{target} 继电器粘连", "relay of {target} stuck"),
    "fault_jam": ("{target} 卡住", "{target} jammed"),
    "fault_adapter_unplugged": ("{target} 串口已拔", "adapter of {target} unplugged"),
    "fault_frozen": ("{target} 冻住", "{target} frozen shut"),
    "fault_bouncing": ("{target} 触点抖动", "contact of {target} bounces"),
    "fault_ajar": ("{target} 关不严", "{target} does not shut tight"),
    "fault_reversed_polarity": ("{target} 触点接反", "contact of {target} reversed"),
    "fault_contact_stuck": ("{target} 触点卡在一个状态", "contact of {target} stuck"),
    "fault_sensor_stuck": ("{target} 号探头读数不变", "probe of unit {target} stuck"),
    "fault_sensor_shows": ("{target} 号探头报 {shows}", "probe of unit {target} says {shows}"),
    "fault_sensor_jumping": ("{target} 号探头读数跳动", "probe of unit {target} jumps"),
    "fault_compressor_off": ("{target} 压缩机不启动", "compressor of {target} does not start"),
    "fault_defrost_stuck": ("{target} 除霜停不下来", "defrost of {target} does not end"),
    "fault_power_cut": ("停电", "no mains"),
    "fault_answer_to_next": ("{target} 号板总是慢一问", "unit {target} is one answer behind"),
    "fault_split_answer": ("{target} 号板的应答被拆开", "answers of unit {target} come in bursts"),
    "fault_garbage": ("{target} 号板应答前后有杂波", "noise around answers of unit {target}"),
    "fault_bit_flips": ("{target} 线路比特翻转", "bits turn over on {target}"),
    "fault_foreign_frame": ("别的板替 {target} 号板应答", "another unit answers for {target}"),
    "fault_foreign_function": ("{target} 号板答非所问", "unit {target} answers another question"),
    "fault_local_echo": ("{target} 适配器有回声", "adapter of {target} hears itself"),
    "fault_same_address": (
        "{other} 号板与 {target} 号板同址",
        "unit {other} has the address {target}",
    ),
    "fault_busy": ("{target} 号板忙", "unit {target} is busy"),
    "fault_unsolicited": (
        "{target} 号板的应答里混进别的帧",
        "an unasked frame in answers of {target}",
    ),
    "for_s": ("共 {s} 秒", "for {s} s"),
    "unplug": ("拔掉串口 10 秒", "Unplug the adapter for 10 s"),
    "silence": ("{unit} 号板 10 秒不应答", "Unit {unit} silent for 10 s"),
    "clock": ("运行时间", "Running for"),
    "away": (
        "模拟器没有回应。它停了吗？用 linli sim run 再启动。",
        "The simulator does not answer. Has it stopped? Start it again with linli sim run.",
    ),
    "refused": ("没有动", "It did not move"),
    "other_language": ("English", "中文"),
    "doors_hint": ("点一扇开着的门就能推上。", "Press an open door to push it shut."),
    "more": ("{label} 的其他操作", "More for {label}"),
}


def words(language: str) -> dict[str, str]:
    """Return every text in `language`; an unknown language is Chinese."""
    place = 1 if language == "en" else 0
    return {key: both[place] for key, both in _WORDS.items()}
