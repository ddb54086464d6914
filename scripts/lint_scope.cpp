// SPDX-License-Identifier: Apache-2.0
// Loaded by scripts/lint.py into clang-tidy. Before the other checks walk a source, everything that
// comes from system headers is taken out of their way: they would walk all of Asio, fmt and CLI11
// to say nothing of it, for most of the time that linting takes. clangd does the same when it runs
// these checks. What they ask about a declaration that is used (its type, its body, its namespace)
// they still find; the static analyzer keeps all of it.
#include <clang-tidy/ClangTidyCheck.h>
#include <clang-tidy/ClangTidyModule.h>
#include <clang-tidy/ClangTidyModuleRegistry.h>
#include <clang/AST/ASTContext.h>
#include <clang/ASTMatchers/ASTMatchFinder.h>
#include <clang/ASTMatchers/ASTMatchers.h>

#include <vector>

namespace {

// The visitor reports the translation unit before it asks which of its declarations to visit.
class ScopeCheck : public clang::tidy::ClangTidyCheck {
 public:
  using ClangTidyCheck::ClangTidyCheck;

  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override {
    finder->addMatcher(clang::ast_matchers::translationUnitDecl(), this);
  }

  void check(const clang::ast_matchers::MatchFinder::MatchResult& result) override {
    const auto& sources = *result.SourceManager;
    std::vector<clang::Decl*> ours;
    for (auto* declaration : result.Context->getTranslationUnitDecl()->decls())
      if (!sources.isInSystemHeader(sources.getExpansionLoc(declaration->getLocation())))
        ours.push_back(declaration);
    result.Context->setTraversalScope(ours);
  }
};

class ScopeModule : public clang::tidy::ClangTidyModule {
 public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<ScopeCheck>("strait-scope");
  }
};

const clang::tidy::ClangTidyModuleRegistry::Add<ScopeModule> added{
    "strait-module", "What is not ours is not walked."};

}  // namespace
