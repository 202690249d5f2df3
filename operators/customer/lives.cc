#include "operators/customer/lives.h"

#include <algorithm>
#include <set>

#include "engine/base/assert.h"
#include "operators/customer/case.h"
#include "operators/customer/stored.h"

namespace troth::operators {

const Lives::Object* Lives::find(const ObjectRef& object) const {
  const auto at = objects_.find(object);
  return at == objects_.end() ? nullptr : &at->second;
}

void Lives::prefetch(unsigned step) const {
  if (objects_.empty()) return;
  const auto both_ends = [&](const auto& act) {
    act(*objects_.begin());
    act(*objects_.rbegin());
  };
  if (step == 0) {
    both_ends([](const auto& object) {
      __builtin_prefetch(&object);
      __builtin_prefetch(&object.second);
    });
  } else if (step == 1) {
    both_ends([](const auto& object) {
      if (!object.second.mentions.empty()) __builtin_prefetch(&object.second.mentions.back());
    });
  } else {
    both_ends([](const auto& object) {
      if (!object.second.mentions.empty()) __builtin_prefetch(object.second.mentions.back().held);
    });
  }
}

Lives::Object& Lives::find_or_make(const ObjectRef& object) {
  auto at = objects_.lower_bound(object);
  if (at == objects_.end() || ByName::ref(at->first) != object) at = objects_.emplace_hint(at, object.str(), Object{});
  return at->second;
}

std::size_t Lives::position(const Object& of, const Held* held) {
  // Most is asked about the latest mention, or about what comes behind it.
  if (of.mentions.empty() || of.mentions.back().time < held->event.time) return of.mentions.size();
  if (of.mentions.back().held == held) return of.mentions.size() - 1;
  const auto at =
      std::lower_bound(of.mentions.begin(), of.mentions.end(), held,
                       [](const Mention& mention, const Held* other) { return before(mention.held, other); });
  return static_cast<std::size_t>(at - of.mentions.begin());
}

void Lives::add(Held* held, std::vector<Held*>& moved) {
  bool others = false;
  for (const ObjectRef object : held->objects) {
    Object& of = find_or_make(object);
    const std::size_t at = position(of, held);
    const ObjectRef highest = held->objects.highest();
    const ObjectRef link = object == highest ? ObjectRef{} : highest;
    of.mentions.insert(of.mentions.begin() + static_cast<std::ptrdiff_t>(at), Mention{held->event.time, held, link});
    others = others || (object.kind != 'o' && changes_others(of, at));  // an order is at home wherever its lives begin
  }
  if (others) moved = component(held);
  else moved.assign(1, held);
}

void Lives::append(Held* held) {
  if (held->objects.empty()) return;
  const ObjectRef highest = held->objects.highest();
  for (const ObjectRef object : held->objects) {
    find_or_make(object).mentions.push_back({held->event.time, held, object == highest ? ObjectRef{} : highest});
  }
}

std::vector<Held*> Lives::remove(Held* held) {
  std::vector<Held*> touched = component(held);
  std::erase(touched, held);
  for (const ObjectRef object : held->objects) {
    const auto found = objects_.find(object);
    TROTH_ASSERT(found != objects_.end());
    Object& of = found->second;
    const std::size_t at = position(of, held);
    TROTH_ASSERT(at < of.mentions.size() && of.mentions[at].held == held);
    of.mentions.erase(of.mentions.begin() + static_cast<std::ptrdiff_t>(at));
    if (of.mentions.empty() && of.sealed.empty()) objects_.erase(found);
  }
  return touched;
}

/// Whether a new mention can have moved the home of another event: where it is the first of a life that others are in,
/// joins two lives, or brings the first link of its life. What is new is seldom so, and asking is cheap.
bool Lives::changes_others(const Object& of, std::size_t mention) const {
  const auto time = [&](std::size_t i) { return of.mentions[i].time; };
  const auto is_near = [&](std::size_t earlier) { return time(earlier + 1) - time(earlier) <= policy_->link_life_us; };
  const bool has_later = mention + 1 < of.mentions.size();
  if (mention == 0 || !is_near(mention - 1)) return has_later && is_near(mention);
  if (has_later && is_near(mention) && time(mention + 1) - time(mention - 1) > policy_->link_life_us) return true;
  return !of.mentions[mention].link.empty() && !has_link_before(of, mention);
}

/// True if an earlier mention of the same life brings a link: then that one counts.
bool Lives::has_link_before(const Object& of, std::size_t mention) const {
  for (std::size_t i = mention; i > 0; --i) {
    if (of.mentions[i].time - of.mentions[i - 1].time > policy_->link_life_us) return false;
    if (!of.mentions[i - 1].link.empty()) return true;
  }
  return false;
}

/// All events that a change at `from` can move: those of its objects and, because links are made by events that name
/// both ends, whatever shares an event with them.
std::vector<Held*> Lives::component(const Held* from) const {
  std::set<ObjectRef> seen;
  std::vector<ObjectRef> open;
  std::set<Held*> events;
  const auto visit = [&](const NamedObjects& objects) {
    for (const ObjectRef object : objects) {
      if (seen.insert(object).second) open.push_back(object);
    }
  };
  visit(from->objects);
  while (!open.empty()) {
    const Object* of = find(open.back());
    open.pop_back();
    if (of == nullptr) continue;
    for (const Mention& mention : of->mentions) {
      if (events.insert(mention.held).second) visit(mention.held->objects);
    }
  }
  std::vector<Held*> result(events.begin(), events.end());
  std::sort(result.begin(), result.end(), before);
  return result;
}

/// The first mention (not sealed) of the life that `mention` lies in.
std::size_t Lives::life_begin(const Object& of, std::size_t mention) const {
  std::size_t begin = mention;
  const auto time = [&](std::size_t i) { return of.mentions[i].time; };
  while (begin > 0 && time(begin) - time(begin - 1) <= policy_->link_life_us) --begin;
  return begin;
}

/// The sealed part of the life that has mentions from `first` to `last`, or null.
const Lives::SealedLife* Lives::sealed_near(const Object& of, TimeUs first, TimeUs last) const {
  for (const SealedLife& life : of.sealed) {
    if (first - life.last <= policy_->link_life_us && life.first - last <= policy_->link_life_us) return &life;
  }
  return nullptr;
}

std::string Lives::home_at(const ObjectRef& object, const Object& of, std::size_t mention) const {
  if (object.kind == 'o') return object.str();  // nothing is higher than an order
  const std::size_t begin = life_begin(of, mention);
  const auto time = [&](std::size_t i) { return of.mentions[i].time; };
  // What was sealed had come to rest for longer than a link may take: the home of that life is final.
  if (!of.sealed.empty()) {
    std::size_t last = mention;
    while (last + 1 < of.mentions.size() && time(last + 1) - time(last) <= policy_->link_life_us) ++last;
    if (const SealedLife* sealed = sealed_near(of, time(begin), time(last))) return sealed->home;
  }
  for (std::size_t i = begin; i < of.mentions.size(); ++i) {
    if (i > begin && time(i) - time(i - 1) > policy_->link_life_us) break;
    if (time(i) - time(begin) > policy_->quiet_us) break;
    const ObjectRef& link = of.mentions[i].link;
    if (link.empty()) continue;
    const Object* target = find(link);
    TROTH_ASSERT(target != nullptr);
    return home_at(link, *target, position(*target, of.mentions[i].held));
  }
  return object.str();
}

std::string Lives::case_key(const Held* held) const {
  if (held->objects.empty()) return "e:" + held->event.name();
  const ObjectRef highest = held->objects.highest();
  if (highest.kind == 'o') return highest.str();  // nothing is higher than an order
  const Object* of = find(highest);
  TROTH_ASSERT(of != nullptr);
  return home_at(highest, *of, position(*of, held));
}

Bucket* Lives::latest_bucket_naming(const ObjectRef& object) const {
  const Object* of = find(object);
  return of == nullptr || of->mentions.empty() ? nullptr : of->mentions.back().held->bucket;
}

Held* Lives::find_equal(const Held* held) const {
  if (held->objects.empty()) return nullptr;
  const Object* of = find(held->objects.highest());
  if (of == nullptr) return nullptr;
  const std::size_t at = position(*of, held);
  if (at == of->mentions.size() || before(held, of->mentions[at].held)) return nullptr;
  return of->mentions[at].held;
}

void Lives::seal(const std::vector<Held*>& events) {
  // Homes are read before anything leaves: a link may lead through an object that goes in the same breath.
  struct Leaving {
    std::string object;
    std::string home;
    TimeUs time;
  };
  std::vector<Leaving> leaving;
  for (Held* held : events) {
    for (const ObjectRef object : held->objects) {
      const Object* of = find(object);
      TROTH_ASSERT(of != nullptr);
      leaving.push_back({object.str(), home_at(object, *of, position(*of, held)), held->event.time});
    }
  }
  for (Held* held : events) {
    for (const ObjectRef object : held->objects) {
      Object& of = objects_.find(object)->second;
      of.mentions.erase(of.mentions.begin() + static_cast<std::ptrdiff_t>(position(of, held)));
    }
  }
  std::stable_sort(leaving.begin(), leaving.end(), [](const Leaving& x, const Leaving& y) { return x.time < y.time; });
  for (Leaving& each : leaving) {
    Object& of = objects_.find(each.object)->second;
    const auto near = std::find_if(of.sealed.begin(), of.sealed.end(), [&](const SealedLife& life) {
      return life.home == each.home && each.time - life.last <= policy_->link_life_us &&
             life.first - each.time <= policy_->link_life_us;
    });
    if (near == of.sealed.end()) {
      of.sealed.push_back({each.time, each.time, std::move(each.home)});
    } else {
      near->first = std::min(near->first, each.time);
      near->last = std::max(near->last, each.time);
    }
  }
}

/// Whether no event that is here or may still come belongs to the life that `life` is a part of.
bool Lives::is_over(const Object& of, SealedLife life, TimeUs t) const {
  const TimeUs reach = policy_->link_life_us;
  if (life.last + reach + policy_->lateness_us >= t) return false;
  // Other sealed parts may go on from here; then the last mention is theirs.
  for (bool grew = true; grew;) {
    grew = false;
    for (const SealedLife& other : of.sealed) {
      if (other.last <= life.last || other.first - life.last > reach) continue;
      life.last = other.last;
      grew = true;
    }
  }
  if (life.last + reach + policy_->lateness_us >= t) return false;
  // An event that is not sealed yet is at home where this life says.
  const auto first_near = std::lower_bound(
      of.mentions.begin(), of.mentions.end(), life.first - reach,
      [](const Mention& mention, TimeUs time) { return mention.time < time; });
  return first_near == of.mentions.end() || first_near->time - life.last > reach;
}

bool Lives::forget(TimeUs t) {
  bool any = false;
  for (auto at = objects_.begin(); at != objects_.end();) {
    Object& of = at->second;
    std::vector<SealedLife> kept;
    for (const SealedLife& life : of.sealed) {
      if (!is_over(of, life, t)) kept.push_back(life);
    }
    any = any || kept.size() < of.sealed.size();
    of.sealed = std::move(kept);
    at = of.sealed.empty() && of.mentions.empty() ? objects_.erase(at) : std::next(at);
  }
  return any;
}

void Lives::encode_sealed(base::ByteWriter& out) const {
  std::size_t count = 0;
  for (const auto& [name, of] : objects_) count += of.sealed.size();
  out.varint(count);
  for (const auto& [name, of] : objects_) {
    for (const SealedLife& life : of.sealed) {
      out.string(name);
      out.zigzag(life.first);
      out.varint(static_cast<std::uint64_t>(life.last - life.first));
      // Most lives are at home with themselves.
      out.string(life.home == name ? std::string_view{} : std::string_view(life.home));
    }
  }
}

bool Lives::decode_sealed(base::ByteReader& in) {
  const std::size_t count = in.count();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const std::string name(in.string());
    const TimeUs first = in.zigzag();
    const auto span = static_cast<TimeUs>(in.varint());
    const std::string_view home = in.string();
    if (!in.ok() || !stored::is_object(name) || !stored::is_time(first) || !stored::is_time(span)) return false;
    objects_[name].sealed.push_back({first, first + span, home.empty() ? name : std::string(home)});
  }
  return in.ok();
}

void Lives::copy_sealed(const Lives& other) {
  for (const auto& [name, of] : other.objects_) {
    if (!of.sealed.empty()) objects_[name].sealed = of.sealed;
  }
}

}  // namespace troth::operators
