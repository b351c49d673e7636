// A service with two endpoints: asked, answering an error, found, and stopped: service [URL]
#include <cstdlib>
#include <iostream>
#include <nats_ffi.hpp>

static const char *server(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : std::getenv("NATS_URL");
  return url ? url : "nats://127.0.0.1:4222";
}

// Handlers run on delivery threads. What they throw is the answer.
static void twice(const nats::Message &request) {
  request.respond(std::to_string(std::stol(request.payload().str()) * 2));
}

static void half(const nats::Message &request) {
  long number = std::stol(request.payload().str());
  if (number % 2) throw nats::ServiceError(400, std::to_string(number) + " is odd");
  request.respond(std::to_string(number / 2));
}

static void ask(const nats::Connection &nc, const char *subject, const char *number) {
  nats::Message reply = nc.request(subject, number);
  std::cout << subject << " of " << number << ": ";
  if (auto error = reply.service_error()) {
    std::cout << "error " << error->code() << ": " << error->what() << '\n';
  } else {
    std::cout << reply.payload().text() << '\n';
  }
}

int main(int argc, char **argv) try {
  nats::Connection nc = nats::connect(server(argc, argv));
  nats::Service service(nc, R"({"name":"calculator","version":"1.0.0"})");
  auto one = service.add_endpoint(R"({"name":"double","group":"numbers"})", twice);
  auto two = service.add_endpoint(R"({"name":"half","group":"numbers"})", half);

  ask(nc, "numbers.double", "21");
  ask(nc, "numbers.half", "7");

  nats::Doc found = nats::find_services(nc, nats_services_stats, R"({"name":"calculator"})");
  std::cout << "found calculator " << found.get_str("services.0.version") << " at "
            << found.get_str("services.0.endpoints.0.subject") << " and "
            << found.get_str("services.0.endpoints.1.subject") << '\n';

  service.stop();
  nats::Doc stats = service.stats();
  for (std::string endpoint : {"endpoints.0.", "endpoints.1."}) {
    std::cout << "requests: " << stats.get_int(endpoint + "num_requests")
              << ", errors: " << stats.get_int(endpoint + "num_errors") << '\n';
  }
} catch (const nats::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
