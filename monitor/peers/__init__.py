"""Other monitors, whose attempts are judged with ours: who they are, what they tell, and how they are asked."""

from monitor.peers.circle import Ears
from monitor.peers.follower import Line
from monitor.peers.peers import Peers

__all__ = ["Ears", "Line", "Peers"]
