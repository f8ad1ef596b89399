// The bar of the replay, below the map.

import { replayAt } from "../state/selection";

export function ReplayBar() {
  return replayAt.value === null ? null : <div class="replay" />;
}
