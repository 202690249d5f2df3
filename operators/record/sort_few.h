// sort_few: a stable sort for lists that are short or in order already, as nearly all are that a customer has:
// std::stable_sort asks the heap for a buffer even then. Pure; any thread.
#pragma once

#include <algorithm>

namespace troth::operators {

template <typename List, typename Before>
void sort_few(List& list, const Before& before) {
  if (std::is_sorted(list.begin(), list.end(), before)) return;
  std::stable_sort(list.begin(), list.end(), before);
}

}  // namespace troth::operators
