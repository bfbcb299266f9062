#include <cmabi.hpp>
#include <cmabi.hpp>
