using System.CommandLine;
using System.CommandLine.Invocation;
using Skipwise.Cli.Display;
using Skipwise.Cli.Results;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;
using Skipwise.Storage;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise eval tasks --list</c>: the tasks, without a model or data.</summary>
internal sealed class TaskList(Screen screen) : SynchronousCommandLineAction
{
    /// <summary>The benchmark tasks, in the order of reports.</summary>
    public static IReadOnlyList<TaskSummary> Tasks =>
    [
        .. TaskRegistry.Find(["all"]).Select(task => new TaskSummary(task.Name, [.. task.Metrics.Select(metric => metric.Name)],
            $"{task.Scored}".ToLowerInvariant(), task.NumFewshot, task.FileNames)),
    ];

    public override int Invoke(ParseResult parseResult)
    {
        bool isJson = parseResult.GetResult("--json") is System.CommandLine.Parsing.OptionResult { Implicit: false };
        string? file = isJson ? parseResult.GetValue<string?>("--json") : null;
        if (isJson && file is null)
        {
            screen.Line(EvaluationJson.ToIndentedJson(Tasks));
            return ExitCode.Success;
        }
        screen.Table(new ResultTable("Tasks", ["task", "metrics", "split", "few-shot", "files with one of these in their path"],
            [.. Tasks.Select(task => (IReadOnlyList<string>)
                [task.Name, string.Join(", ", task.Metrics), task.Split, $"{task.Shots}", string.Join(", ", task.Files)])], Prose: true));
        screen.Line("Groups: truthfulqa (both of its tasks), all");
        if (file is not null)
        {
            try
            {
                ResultFile.Write(file, EvaluationJson.ToIndentedJson(Tasks) + "\n");
            }
            catch (Exception e) when (e is SkipwiseException or IOException or UnauthorizedAccessException)
            {
                return Failure.Tell(screen, e);
            }
        }
        return ExitCode.Success;
    }
}
