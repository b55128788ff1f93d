"""The words of the faults' form on the bench page, Chinese first, English second."""

_GROUPS: dict[str, tuple[str, str]] = {
    "doors": ("门与触点", "Doors and contacts"),
    "sensors": ("探头", "Probes"),
    "zones": ("制冷", "Refrigeration"),
    "mains": ("供电", "Mains"),
    "units": ("板", "Boards"),
    "lines": ("线路", "Lines"),
    "camera": ("摄像头", "Camera"),
}
_KINDS: dict[str, tuple[str, str]] = {
    "stuck_relay": ("继电器粘连", "relay stuck"),
    "jam": ("门卡住", "door jammed"),
    "frozen": ("门冻住", "door frozen"),
    "bouncing": ("触点抖动", "contact bounces"),
    "ajar": ("门关不严", "door does not shut tight"),
    "reversed_polarity": ("触点接反", "contact reversed"),
    "contact_stuck": ("触点不变", "contact stuck"),
    "sensor_stuck": ("读数不变", "value stuck"),
    "sensor_shows": ("报错误值", "says a false value"),
    "sensor_jumping": ("读数跳动", "value jumps"),
    "sensor_offset": ("读数偏差", "value is off"),
    "compressor_off": ("压缩机不启动", "compressor does not start"),
    "defrost_stuck": ("除霜停不下来", "defrost does not end"),
    "power_cut": ("停电", "no mains"),
    "no_answer": ("不应答", "no answer"),
    "late_answer": ("迟答", "late answer"),
    "answer_to_next": ("总是慢一问", "one answer behind"),
    "split_answer": ("应答被拆开", "answers in bursts"),
    "garbage": ("应答前后有杂波", "noise around answers"),
    "foreign_frame": ("别的板替它应答", "another unit answers"),
    "foreign_function": ("答非所问", "answers another question"),
    "same_address": ("两板同址", "two boards, one address"),
    "busy": ("忙", "busy"),
    "unsolicited": ("混进别的帧", "unasked frames"),
    "adapter_unplugged": ("串口已拔", "adapter unplugged"),
    "bit_flips": ("比特翻转", "bits turn over"),
    "local_echo": ("适配器有回声", "adapter hears itself"),
    "camera_gone": ("摄像头没有画面", "no camera"),
    "camera_black": ("画面全黑", "camera sees black"),
    "camera_frozen": ("画面不动", "camera hangs"),
    "camera_dirty": ("镜头脏了", "lens is dirty"),
}
_FIELDS: dict[str, tuple[str, str]] = {
    "target": ("对象", "Target"),
    "for_s": ("秒数（留空：直到清除）", "Seconds (empty: until lifted)"),
    "contact": ("触点焊在", "Welded"),
    "shows": ("显示", "Shows"),
    "for_ms": ("抖动毫秒", "Milliseconds"),
    "gap": ("缝隙（占门的份额）", "Gap (share of a door)"),
    "probe": ("第几路探头（从 0；留空：全部）", "Probe (from 0; empty: all)"),
    "by_k": ("跳动幅度 K", "Jumps by K"),
    "offset_k": ("偏差 K", "Off by K"),
    "deaf": ("也听不见", "Does not hear either"),
    "delay_s": ("迟到秒数", "Seconds late"),
    "most_in_a_row": ("最多连续几次（留空：不限）", "Most in a row (empty: any)"),
    "seed": ("随机种子", "Seed"),
    "share": ("命中份额", "Share that is hit"),
    "burst_bytes": ("每次字节数", "Bytes at once"),
    "pause_s": ("间隔秒数", "Seconds between"),
    "before": ("之前字节数", "Bytes before"),
    "after": ("之后字节数", "Bytes after"),
    "rate": ("每比特概率", "Chance of each bit"),
    "most_bits": ("每帧最多比特（留空：不限）", "Most bits a frame (empty: any)"),
    "direction": ("方向", "Direction"),
    "by": ("地址相差", "Addresses away"),
    "instead": ("代替本来的应答", "Instead of its answer"),
    "other": ("另一块板", "The other board"),
    "code": ("异常码", "Code"),
    "place": ("位置", "Place"),
    "how": ("怎样没有", "In what way"),
    "blur_px": ("模糊半径（像素）", "Blur, pixels"),
}
_VALUES: dict[str, tuple[str, str]] = {
    "open": ("开", "open"),
    "shut": ("关", "shut"),
    "closed": ("闭合", "closed"),
    "humidity": ("湿度 110 %", "humidity of 110 %"),
    "error_status": ("故障状态", "error status"),
    "answers": ("应答", "answers"),
    "requests": ("请求", "requests"),
    "both": ("双向", "both"),
    "before": ("之前", "before"),
    "middle": ("中间", "in the middle"),
    "after": ("之后", "after"),
    "cabinet": ("整柜", "cabinet"),
    "refuses": ("拒绝连接", "hangs up"),
    "hangs": ("不回应", "says nothing"),
}


class FaultWords:
    """The words in one language; what has none is shown by its key."""

    def __init__(self, language: str) -> None:
        """Speak English for `en`, else Chinese."""
        self._place = 1 if language == "en" else 0

    def group(self, key: str) -> str:
        """Return the heading of a group of kinds."""
        return self._word(_GROUPS, key)

    def kind(self, key: str) -> str:
        """Return what a kind of fault is called."""
        return self._word(_KINDS, key)

    def field(self, key: str) -> str:
        """Return the label of a field."""
        return self._word(_FIELDS, key)

    def value(self, key: str) -> str:
        """Return a choice as people read it."""
        return self._word(_VALUES, key)

    def _word(self, words: dict[str, tuple[str, str]], key: str) -> str:
        both = words.get(key)
        return key if both is None else both[self._place]
