#include "app/source_health_log.h"

namespace oddverb {

void SourceHealthLog::Tell(const ServiceSources& sources, Logger& logger) {
  told_.resize(sources.named().size());
  for (size_t i = 0; i < told_.size(); ++i) {
    const NamedSource& named = sources.named()[i];
    std::string problem(named.source->health().message());
    if (problem == told_[i]) continue;
    if (problem.empty()) {
      logger.Info("the source can be read again", {{"source", named.name}});
    } else {
      logger.Error("the source cannot be read; it is tried again",
                   {{"source", named.name}, {"error", problem}});
    }
    told_[i] = std::move(problem);
  }
}

}  // namespace oddverb
