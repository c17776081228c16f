using Skipwise.Cli.Flags;
using Skipwise.Recipes;
using Spectre.Console;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect tensors</c></summary>
internal static class InspectTensorsVerb
{
    public static Verb Create(Terminal terminal)
    {
        var verb = new Verb("tensors", "List the tensors of a model's weight files, without loading them.", "skipwise inspect tensors --model llama-2-7b");
        Flag<string> folder = verb.Required("--model", "folder", "Hugging Face folder");
        verb.Does(terminal, (parse, _) =>
        {
            Table table = EvaluationView.Table("<tensor", "<shape", "<type", "<file");
            foreach (TensorDescription tensor in InspectModel.Tensors(folder.Of(parse)))
            {
                EvaluationView.Row(table, tensor.Name, $"[{string.Join(", ", tensor.Shape)}]", tensor.Type, tensor.File);
            }
            terminal.Screen.Write(table);
            return ExitCode.Success;
        });
        return verb;
    }
}
