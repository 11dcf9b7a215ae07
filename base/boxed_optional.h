// An optional value with memory of its own: for members that few objects of a
// type have, so that the others do not carry their bytes. Copies are deep.
//
// Used as a std::optional is. As thread-safe as T is.
#ifndef ODDVERB_BASE_BOXED_OPTIONAL_H_
#define ODDVERB_BASE_BOXED_OPTIONAL_H_

#include <memory>
#include <utility>

namespace oddverb {

template <class T>
class BoxedOptional {
 public:
  BoxedOptional() = default;  // none
  // Implicit, as that of std::optional is.
  BoxedOptional(T value) : value_(std::make_unique<T>(std::move(value))) {}

  BoxedOptional(const BoxedOptional& other)
      : value_(other.value_ == nullptr ? nullptr
                                       : std::make_unique<T>(*other)) {}
  BoxedOptional& operator=(const BoxedOptional& other) {
    BoxedOptional copy(other);
    return *this = std::move(copy);
  }
  BoxedOptional(BoxedOptional&&) = default;
  BoxedOptional& operator=(BoxedOptional&&) = default;
  ~BoxedOptional() = default;

  bool has_value() const { return value_ != nullptr; }
  T& emplace() {
    value_ = std::make_unique<T>();
    return *value_;
  }

  // REQUIRES: has_value().
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace oddverb

#endif  // ODDVERB_BASE_BOXED_OPTIONAL_H_
