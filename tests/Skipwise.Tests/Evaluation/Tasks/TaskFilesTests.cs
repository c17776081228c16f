using Skipwise.Evaluation.Tasks;

namespace Skipwise.Tests.Evaluation.Tasks;

public sealed class TaskFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Files(params string[] names)
    {
        foreach (string name in names)
        {
            _folder.Write(name, "{}");
        }
    }

    private string? Found(TaskConfig card, TaskSplit split) => new TaskFiles(_folder.Path).Find(card, split) is { } paths
        ? string.Join(' ', paths.Select(path => Path.GetRelativePath(_folder.Path, path).Replace('\\', '/')))
        : null;

    [Fact]
    public void Plain_names()
    {
        Files("boolq_validation.jsonl.gz", "piqa-valid.jsonl", "PIQA.train.jsonl", "winogrande_xl_dev.csv", "truthfulqa_mc_task.json",
            "hellaswag_val.jsonl", "lambada_openai_test.jsonl", "notes.txt", ".hidden/boolq_validation.json");
        Assert.Equal("boolq_validation.jsonl.gz", Found(BoolQ.Card, TaskSplit.Validation));
        Assert.Null(Found(BoolQ.Card, TaskSplit.Train));
        Assert.Equal("piqa-valid.jsonl", Found(Piqa.Card, TaskSplit.Validation));
        Assert.Equal("PIQA.train.jsonl", Found(Piqa.Card, TaskSplit.Train));
        Assert.Equal("winogrande_xl_dev.csv", Found(WinoGrande.Card, TaskSplit.Validation));
        Assert.Equal("truthfulqa_mc_task.json", Found(TruthfulQa.Mc1, TaskSplit.Validation)); // names no split: the one that is scored
        Assert.Equal("hellaswag_val.jsonl", Found(HellaSwag.Card, TaskSplit.Validation));
        Assert.Equal("lambada_openai_test.jsonl", Found(Lambada.Card, TaskSplit.Test));
        Assert.Null(Found(ArcChallenge.Card, TaskSplit.Test));
    }

    [Fact]
    public void Layouts_of_Hugging_Face()
    {
        Files("super_glue/boolq/validation-00000-of-00001.parquet", "super_glue/boolq/train-00000-of-00001.parquet",
            "hellaswag/data/train-00001-of-00002.parquet", "hellaswag/data/train-00000-of-00002.parquet",
            "ai2_arc/ARC-Challenge/test-00000-of-00001.parquet", "ai2_arc/ARC-Easy/test-00000-of-00001.parquet",
            "piqa/plain_text/validation/0000.parquet", "truthful_qa/multiple_choice/validation-00000-of-00001.parquet",
            "truthful_qa/generation/validation-00000-of-00001.parquet");
        Assert.Equal("super_glue/boolq/validation-00000-of-00001.parquet", Found(BoolQ.Card, TaskSplit.Validation));
        Assert.Equal("hellaswag/data/train-00000-of-00002.parquet hellaswag/data/train-00001-of-00002.parquet",
            Found(HellaSwag.Card, TaskSplit.Train));
        Assert.Equal("ai2_arc/ARC-Challenge/test-00000-of-00001.parquet", Found(ArcChallenge.Card, TaskSplit.Test));
        Assert.Equal("piqa/plain_text/validation/0000.parquet", Found(Piqa.Card, TaskSplit.Validation));
        Assert.Equal("truthful_qa/multiple_choice/validation-00000-of-00001.parquet", Found(TruthfulQa.Mc2, TaskSplit.Validation));
    }

    [Fact]
    public void The_benchmarks_own_archives()
    {
        Files("winogrande_1.1/train_xs.jsonl", "winogrande_1.1/train_xl.jsonl", "winogrande_1.1/dev.jsonl", "winogrande_1.1/test.jsonl",
            "ARC-V1-Feb2018/ARC-Challenge/ARC-Challenge-Test.csv", "ARC-V1-Feb2018/ARC-Challenge/ARC-Challenge-Test.jsonl",
            "ARC-V1-Feb2018/ARC-Easy/ARC-Easy-Test.jsonl");
        Assert.Equal("winogrande_1.1/train_xl.jsonl", Found(WinoGrande.Card, TaskSplit.Train));
        Assert.Equal("winogrande_1.1/dev.jsonl", Found(WinoGrande.Card, TaskSplit.Validation));
        Assert.Equal("ARC-V1-Feb2018/ARC-Challenge/ARC-Challenge-Test.jsonl", Found(ArcChallenge.Card, TaskSplit.Test));
    }

    [Fact]
    public void The_folders_own_name_counts_where_no_file_names_the_task()
    {
        Files("piqa/validation.jsonl", "piqa/train.jsonl");
        Assert.Single(new TaskFiles(_folder["piqa"]).Find(Piqa.Card, TaskSplit.Validation)!);
        Assert.Null(new TaskFiles(_folder["piqa"]).Find(BoolQ.Card, TaskSplit.Validation));
    }

    [Fact]
    public void What_was_looked_for_is_said()
    {
        Files("boolq_train.jsonl", "a/piqa_validation.jsonl", "b/piqa_validation.jsonl");
        string missing = Assert.Throws<SkipwiseException>(() => TaskData.Read(BoolQ.Card, new(_folder.Path), new())).Message;
        Assert.Contains("no validation split of boolq", missing, StringComparison.Ordinal);
        Assert.Contains("'boolq' and 'validation' or 'valid' or 'val' or 'dev'", missing, StringComparison.Ordinal);
        Assert.Contains("found of this task: boolq_train.jsonl", missing, StringComparison.Ordinal);
        string ambiguous = Assert.Throws<SkipwiseException>(() => Found(Piqa.Card, TaskSplit.Validation)).Message;
        Assert.Contains(
            $"several files could be the validation split of piqa: {Path.Combine("a", "piqa_validation.jsonl")}, " +
            $"{Path.Combine("b", "piqa_validation.jsonl")}", ambiguous, StringComparison.Ordinal);
        Assert.Throws<SkipwiseException>(() => new TaskFiles(_folder["none"]));
    }

    [Fact]
    public void Examples_come_from_the_training_questions_and_without_them_from_the_others()
    {
        string[] rows = [.. Enumerable.Range(0, 6).Select(i => $$"""{"goal": "g{{i}}", "sol1": "a", "sol2": "b", "label": 0}""")];
        _folder.Write("piqa_validation.jsonl", string.Join('\n', rows));
        TaskData own = TaskData.Read(Piqa.Card, new(_folder.Path), new() { NumFewshot = 3 });
        Assert.Equal((TaskSplit.Validation, 4, 4), (own.FewshotSplit, own.Draws(HarnessVersion.V2023), own.Draws(HarnessVersion.V04)));
        _folder.Write("piqa_train.jsonl", string.Join('\n', rows[..5]));
        TaskData train = TaskData.Read(Piqa.Card, new(_folder.Path), new() { NumFewshot = 3 });
        Assert.Equal((TaskSplit.Train, 3, 4), (train.FewshotSplit, train.Draws(HarnessVersion.V2023), train.Draws(HarnessVersion.V04)));
        Assert.Contains("5 questions to draw 6 from",
            Assert.Throws<SkipwiseException>(() =>
                TaskData.Read(Piqa.Card, new(_folder.Path), new() { NumFewshot = 5, Harness = HarnessVersion.V04 })).Message,
                StringComparison.Ordinal);
    }
}
