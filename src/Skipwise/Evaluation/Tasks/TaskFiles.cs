using System.Text.RegularExpressions;
using Skipwise.Documents;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>
/// Finds a task's files in a folder by words in their paths: the task's name and the split's. Both the layout of Hugging Face
/// (piqa/validation-00000-of-00001.parquet) and names such as piqa_valid.jsonl.gz are understood.
/// </summary>
internal sealed partial class TaskFiles
{
    private readonly (string Path, string Words)[] _files; // words: the path in lower case, with _ for all but letters and digits

    /// <summary>the folder of the files</summary>
    public string Folder { get; }

    /// <exception cref="SkipwiseException">no such folder</exception>
    public TaskFiles(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SkipwiseException($"{folder}: no such folder. Name the folder with the tasks' files");
        }
        Folder = folder;
        string name = Path.GetFileName(Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar));
        _files = [.. FolderFiles.Distinct(folder, file => !file.IsHidden && RowReader.KindOf(file.Path) is not null)
            .Select(file => (Path.Combine(folder, file.Path), $"{WordsOf(name)}//{WordsOf(Stem(file.Path))}"))];
    }

    /// <summary>The files of a split in order (several if the data has numbered shards); null if there are none.</summary>
    /// <exception cref="SkipwiseException">the split is ambiguous: several files match</exception>
    public IReadOnlyList<string>? Find(TaskConfig card, TaskSplit split)
    {
        (string Path, string Words)[] ofTask = OfTask(card);
        (string Path, string Words)[] found = [.. ofTask.Where(file => SplitOf(file.Words) == split)];
        if (found.Length == 0 && split == card.Scored)
        {
            found = [.. ofTask.Where(file => SplitOf(file.Words) is null)]; // a file that names no split is taken for the scored one
        }
        foreach (string word in card.PreferredWords)
        {
            (string Path, string Words)[] preferred = [.. found.Where(file => HasWord(file.Words, word))];
            found = preferred.Length > 0 ? preferred : found;
        }
        var sets = found.GroupBy(file => Shard().Replace(file.Words, ""))
            .Select(shards => shards.GroupBy(file => RowReader.KindOf(file.Path)).MinBy(kind => kind.Key)!.Select(file => file.Path)
                .ToArray()).ToList();
        return sets.Count switch
        {
            0 => null,
            1 => sets[0],
            _ => throw new SkipwiseException(
                $"{Folder}: several files could be the {Name(split)} split of {card.Name}: "
                + $"{string.Join(", ", sets.Select(set => Path.GetRelativePath(Folder, set[0])))}. Leave one of them in the folder"),
        };
    }

    /// <summary>The error for a missing split.</summary>
    public SkipwiseException Missing(TaskConfig card, TaskSplit split)
    {
        string[] near = [.. OfTask(card).Select(file => Path.GetRelativePath(Folder, file.Path))];
        string found = near.Length > 0 ? $"found of this task: {string.Join(", ", near)}" : "found no file of this task";
        return new($"{Folder}: no {Name(split)} split of {card.Name}. Looked for a file ({RowReader.Kinds}) with "
            + $"{Either(card.FileNames)} and {Either(WordsFor(split))} in its path; {found}");
    }

    public static string Name(TaskSplit split) => WordsFor(split)[0];

    /// <summary>The files whose path names the task; if there are none, all files if the folder's name does.</summary>
    private (string Path, string Words)[] OfTask(TaskConfig card)
    {
        (string Path, string Words)[] Having(Func<string, string> part) =>
            [.. _files.Where(file => card.FileNames.Any(name => part(file.Words).Contains(name, StringComparison.Ordinal)))];
        var named = Having(words => words[(words.IndexOf("//", StringComparison.Ordinal) + 2)..]);
        return named.Length > 0 ? named : Having(words => words[..words.IndexOf("//", StringComparison.Ordinal)]);
    }

    /// <summary>The split that a path names: its last part that names one.</summary>
    private static TaskSplit? SplitOf(string words)
    {
        foreach (string part in words[(words.IndexOf("//", StringComparison.Ordinal) + 2)..].Split('/').Reverse())
        {
            foreach (TaskSplit split in Enum.GetValues<TaskSplit>())
            {
                if (WordsFor(split).Any(word => HasWord(part, word)))
                {
                    return split;
                }
            }
        }
        return null;
    }

    private static string[] WordsFor(TaskSplit split) => split switch
    {
        TaskSplit.Train => ["train"],
        TaskSplit.Validation => ["validation", "valid", "val", "dev"],
        _ => ["test"],
    };

    private static bool HasWord(string words, string word) => words.Split('/', '_').Contains(word);

    private static string Either(IReadOnlyList<string> words) => string.Join(" or ", words.Select(word => $"'{word}'"));

    private static string Stem(string path) => Ending().Replace(path, "");

    private static string WordsOf(string path) => Other().Replace(path.ToLowerInvariant(), "_");

    [GeneratedRegex(@"\.(jsonl|json|csv|parquet)(\.gz|\.zst)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Ending();

    [GeneratedRegex("[^a-z0-9/]")]
    private static partial Regex Other();

    [GeneratedRegex(@"(?<=[_/])0\d{3,4}(_of_\d{5})?$")]
    private static partial Regex Shard();
}
