"""How the rooms of :class:`mt_torchattacks.data.Rooms` are composed, ray cast, lit and labelled."""
