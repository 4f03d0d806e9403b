// Reads a Jenkinsfile as Jenkins does, by Groovy, and says as JSON what its stages would give to a shell: the words of a declarative pipeline are
// methods that take blocks. Nothing of it is run but these words. Called by tests/ci/files.rs.
import groovy.json.JsonOutput

class Words {
  def environment = [:]
  def stages = []
  private inside = []

  def block(Closure body) {
    body.delegate = this
    body.resolveStrategy = Closure.DELEGATE_FIRST
    body.call()
  }

  def methodMissing(String name, arguments) {
    inside << name
    switch (name) {
      case 'stage': stages << [name: arguments[0], input: false, sh: []]; break
      case 'input': stages[-1].input = true; break
      case 'sh':
        if (!inside.contains('steps')) throw new IllegalStateException("sh stands outside of steps")
        stages[-1].sh << arguments[0]
        break
    }
    arguments.findAll { it instanceof Closure }.each { block(it) }
    inside.remove(inside.size() - 1)
    // The one word whose value is used.
    return name == 'credentials' ? [credentials: arguments[0]] : null
  }

  // `agent any`.
  def propertyMissing(String name) { name }

  // In the block `environment` an assignment is a variable.
  def propertyMissing(String name, value) {
    if (inside[-1] != 'environment') throw new IllegalStateException("$name is set outside of environment")
    environment[name] = value
  }
}

def words = new Words()
def binding = new Binding([pipeline: { Closure body -> words.block(body) }])
new GroovyShell(binding).evaluate(new File(args[0]))
println JsonOutput.toJson([environment: words.environment, stages: words.stages])
