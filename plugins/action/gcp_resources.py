# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Shows the progress of the module ``gcp_resources`` while it runs."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """Runs the module and shows what it tells."""

    module = "groundwork.platform.gcp_resources"
