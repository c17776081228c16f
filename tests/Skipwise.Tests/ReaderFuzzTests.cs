using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Cli.Config;
using Skipwise.Documents;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Hub;
using Skipwise.Reports;
using Skipwise.Reports.Comparing;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Checkpoints.Formats;
using Skipwise.Tests.Cli;
using Skipwise.Tests.Documents;
using Skipwise.Tests.Reports;
using Skipwise.Tests.Reports.Comparing;
using Skipwise.Tests.Storage;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tests.Tokenizers.Formats;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;

namespace Skipwise.Tests;

/// <summary>
/// Damaged files in the hands of every reader of text, tokens, settings and results (weights: <see cref="FormatFuzzTests"/>). Whatever
/// the damage, the file is read or refused by its name, soon, and in little memory.
/// </summary>
public sealed partial class ReaderFuzzTests(SmallModel model) : IClassFixture<SmallModel>, IDisposable
{
    /// <summary>One file and who reads it.</summary>
    /// <param name="Path">of the whole file, as it is to be damaged</param>
    private sealed record Reader(string Path, Action Read)
    {
        /// <summary>of the mutations: for readers that take long</summary>
        public double Share { get; init; } = 0.1;

        /// <summary>no text: damage is of bytes</summary>
        public bool IsBinary { get; init; }

        /// <summary>where the damage ends; null: at the end of the file</summary>
        public int? End { get; init; }

        /// <summary>there is nothing to be damaged: everything is taken for a text</summary>
        public bool TakesAll { get; init; }
    }

    private static readonly Dictionary<string, Func<ReaderFuzzTests, Reader>> s_readers = new()
    {
        ["config.json"] = test => test.OfModel("config.json"),
        ["generation_config.json"] = test => test.OfModel("generation_config.json"),
        ["tokenizer_config.json"] = test => test.OfModel("tokenizer_config.json"),
        ["special_tokens_map.json"] = test => test.OfModel("special_tokens_map.json"),
        ["added_tokens.json"] = test => test.OfModel("added_tokens.json"),
        ["tokenizer.json"] = test => test.OfModel("tokenizer.json"),
        ["model.gguf"] = test => test.OfGguf(),
        ["tokenizer.json of bytes"] = test =>
            test.OfTokenizer("tokenizer.json",
                TinyBpe.ByteLevel().ByteLevelJson([TinyBpe.Added(TinyBpe.ByteLevel().Pieces.Count, "<|end|>")])),
        ["tokenizer.json of Llama"] = test => test.OfTokenizer("tokenizer.json", TinyBpe.AcrossWords().LlamaJson()),
        ["tokenizer.model"] = test => test.OfTokenizer("tokenizer.model",
            SentencePieceFile.Make(SentencePieceFile.Llama(("▁a", -1), ("ab", -2), ("▁ab", -3)))) with
        { IsBinary = true },
        ["tokenizer.bin"] = test => test.OfTokenizer("tokenizer.bin", Llama2cVocabulary()) with { IsBinary = true },
        ["vocab.json"] = test => test.OfPair("vocab.json"),
        ["merges.txt"] = test => test.OfPair("merges.txt"),
        ["ranks.tiktoken"] = test => test.OfTokenizer("ranks.tiktoken", Ranks()) with { Share = 0.01 },
        ["data.tokens"] = test => test.Stored(),
        ["data.jsonl"] = test => test.OfDocuments("data.jsonl", Encoding.UTF8.GetBytes(Rows)),
        ["data.csv"] = test => test.OfDocuments("data.csv", Encoding.UTF8.GetBytes(Table)),
        ["data.txt"] = test => test.OfDocuments("data.txt", Encoding.UTF8.GetBytes(Rows)) with { TakesAll = true },
        ["data.jsonl.gz"] = test => test.OfDocuments("data.jsonl.gz",
            Packed((folder, name) => folder.WriteGzip(name, Rows))) with
        { IsBinary = true },
        ["data.jsonl.zst"] = test => test.OfDocuments("data.jsonl.zst",
            Packed((folder, name) => folder.WriteZstandard(name, Rows))) with
        { IsBinary = true },
        ["data.parquet"] = test => test.OfDocuments("data.parquet", ParquetFileTests.Sample()) with { IsBinary = true },
        ["piqa_validation.jsonl"] = test => test.OfTask("piqa_validation.jsonl", Encoding.UTF8.GetBytes(Questions)),
        ["piqa_validation.json"] = test =>
            test.OfTask("piqa_validation.json", Encoding.UTF8.GetBytes($"[{string.Join(',', Questions.Trim().Split('\n'))}]")),
        ["piqa_validation.csv"] = test =>
            test.OfTask("piqa_validation.csv",
            "goal,sol1,sol2,label\nthe fox,red,dark blue,0\n\"the \"\"dog\"\"\",\"a, b\",red,1\n"u8.ToArray()),
        ["squad.json"] = test => test.Of("squad.json", Squad, path => QaSet.ReadSquad(path)),
        ["hotpot.json"] = test => test.Of("hotpot.json", Hotpot, path => QaSet.ReadHotpot(path)),
        ["list of a hub"] = test => test.Of("list.json", HubList, path => HubListing.Parse(path, InputFile.ReadText(path))),
        ["needles.jsonl"] = test => test.Of("needles.jsonl", Needles, path => NeedleFile.Read(path)),
        ["run.yaml"] = test => test.Of("run.yaml", Yaml, path => ConfigFile.Read(path)),
        ["results.json"] = test => test.Of("results.json", EvaluationJson.ToIndentedJson(SampleComparison.Usual.Records), path =>
            EvaluationJson.Read(path)),
        ["results.json of a demo"] = test => test.OfDemo(),
        ["comparison.json"] = test => test.OfComparison(ResultsStore.PlanName),
        ["results.jsonl"] = test => test.OfComparison(ResultsStore.ResultsName),
        ["samples"] = test => test.OfComparison("samples/p.json"),
        ["metrics.jsonl"] = test => test.OfLog("metrics.jsonl",
            new StepMetrics(1, 2.5, 1e-3, double.NaN, 64, 1000, 0.5, 10) { LossScale = 4096 }, metrics => metrics.Step),
        ["evaluations.jsonl"] = test =>
            test.OfLog("evaluations.jsonl", new EvaluationPoint(2, "perplexity", "perplexity", 64, 3.5, 0.1, 200), point =>
            point.Step + BestCheckpoint.FromPoints([point]).BestStep),
        ["passkey trials"] = test => test.OfTrials(
            new Skipwise.Evaluation.Passkey.PasskeyTrial(64, 0, 0.5, 12345, 60, "prompt", "12345", true) { CacheKey = "a" }),
        ["needle trials"] = test => test.OfTrials(
            new NeedleTrial(64, 0.5, 0, 0, 60, null, "answer", [true, false], [-0.5, double.NegativeInfinity]) { CacheKey = "a" }),
        ["RULER trials"] = test => test.OfTrials(
            new RulerTrial("niah_single_1", 64, 0, 60, "prompt", ["a", "b"], "a", 0.5) { CacheKey = "a" }),
        ["scores"] = test => test.OfTrials(new RequestScore(-1.5, true) { CacheKey = "a" }),
        ["progress.json"] = test => test.Of("progress.json", Progress, path => RunFolder.ReadProgress(Path.GetDirectoryName(path)!)),
    };

    private const string Rows = """
        {"text": "The fox \ud83d\ude00 is red.", "id": 1}
        {"text": null, "id": 2}
        
        {"id": 3, "text": "A \"dog\" is \\ not."}
        
        """;
    private const string Table = """
        id,text,title
        1,"The fox, he is ""red"".
        Yes.",one
        2,A dog,two
        
        """;
    private const string Questions = """
        {"goal":"g","sol1":"a","sol2":"b","label":0}
        {"goal":"h","sol1":"c","sol2":"d","label":1}
        
        """;
    private const string Needles = """
        {"needle":"The key is {n}.","question":"What is the key?","answer":"{n}","lead":"The key is"}
        {"needle":"x"}
        
        """;
    private const string Yaml = """
        # a run
        model: m
        data: [a, "b c"]
        steps: 9
        learning-rate: 2.5e-3
        eval-windows:
          - 64
          - 128
        rope: ~
        separator: '|'
        mask-seams: true
        
        """;
    private const string Progress = """
        {"Step":7,"ExamplesTaken":56,"Guard":{"Skipped":1,"InARow":0,"Losses":[2.5,2.25]},
        "Scaler":{"Scale":4096,"Patience":2,"Good":3,"Overflows":1}}
        """;
    private const string Squad = """
        {"data":[{"paragraphs":[{"context":"The fox is red.","qas":[
        {"question":"Who?","is_impossible":false,"answers":[{"text":"fox"}]}]}]}]}
        """;
    private const string HubList = """
        {"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"config.json","size":2,
        "blobId":"abcdefabcdefabcdefabcdefabcdefabcdefabcd"},{"rfilename":"x","lfs":{"size":9,"sha256":null},"size":3}]}
        """;
    private const string Hotpot = """
        [{"question":"Who?","answer":"fox","context":[["Fox",["The fox is red.","It runs."]],["Dog",["A dog."]]]}]
        """;

    private readonly TempFolder _temp = new();

    public static TheoryData<string> Names => [.. s_readers.Keys];

    public static TheoryData<string> JsonNames =>
        [.. s_readers.Keys.Where(name =>
        name.Contains(".json", StringComparison.Ordinal) && !name.Contains(".jsonl.", StringComparison.Ordinal)
        || name.EndsWith("trials", StringComparison.Ordinal) || name == "scores")];

    public void Dispose() => _temp.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Whatever_the_damage_a_file_is_read_or_refused(string name)
    {
        Reader reader = s_readers[name](this);
        reader.Read(); // whole, it is read
        byte[] original = File.ReadAllBytes(reader.Path);
        int refused = Fuzz.Run(reader.Path, rng =>
            reader.IsBinary ? Fuzz.Damage(original, rng, 0, reader.End ?? original.Length)
            : Fuzz.DamageText(original, rng), reader.Read, bytesPerByte: 4000, reader.Share, constant: 60_000_000);
        Assert.True(refused > 0 || reader.TakesAll || Fuzz.Mutations < 1000);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_pipe_in_the_place_of_a_file_is_refused_by_its_name(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the kind of a file is asked of Linux");
        Reader reader = s_readers[name](this);
        File.Delete(reader.Path);
        Pipe.Create(reader.Path);
        SkipwiseException refusal = await Task.Run(() => Assert.Throws<SkipwiseException>(reader.Read))
            .WaitAsync(TimeSpan.FromSeconds(60)); // and not for the pipe's writer
        Assert.Contains(Path.GetFileName(reader.Path), refusal.Message, StringComparison.Ordinal);
        Assert.Contains("is a pipe", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>In the first object, as a key and as a value: no text of any language.</summary>
    [Theory]
    [MemberData(nameof(JsonNames))]
    public void Half_a_surrogate_pair_in_json_is_refused_or_passed_over(string name)
    {
        Reader reader = s_readers[name](this);
        string text = File.ReadAllText(reader.Path);
        int brace = text.IndexOf('{', StringComparison.Ordinal);
        foreach (string member in (string[])["\"\\ud800\":1,", "\"stranger\":\"\\udc00\",",
            "\"stranger\":{\"\\ud800x\":[\"\\ud83d\\ud83d\"]},"])
        {
            File.WriteAllText(reader.Path, text.Insert(brace + 1, member));
            try
            {
                reader.Read();
            }
            catch (SkipwiseException e)
            {
                Assert.Contains(Path.GetDirectoryName(reader.Path)!, e.Message, StringComparison.Ordinal);
            }
        }
    }

    private Reader Of(string name, string text, Action<string> read) => Of(name, Encoding.UTF8.GetBytes(text), read);

    private Reader Of(string name, byte[] bytes, Action<string> read)
    {
        string path = _temp.Write(Path.Combine("folder", name), bytes);
        return new(path, () => read(path));
    }

    private Reader OfModel(string name)
    {
        string folder = _temp.Copy(model.Folder, "model");
        _temp.Write("model/generation_config.json", "{\"bos_token_id\": 1, \"eos_token_id\": [2, 0], \"temperature\": 0.7}");
        _temp.Write("model/special_tokens_map.json",
            "{\"bos_token\": \"<|begin|>\", \"eos_token\": {\"content\": \"<|end|>\", \"lstrip\": false}, \"pad_token\": \"<|pad|>\"}");
        _temp.Write("model/added_tokens.json", "{\"<|pad|>\": 0, \"<|begin|>\": 1}");
        return new(Path.Combine(folder, name), () =>
        {
            _ = PretrainedModel.Architecture(new ModelSource(folder));
            Spell(folder);
        })
        { Share = 0.02 };
    }

    private Reader OfTokenizer(string name, string text) => OfTokenizer(name, Encoding.UTF8.GetBytes(text));

    private Reader OfTokenizer(string name, byte[] bytes) =>
        Of(name, bytes, path => Spell(Path.GetDirectoryName(path)!)) with { Share = 0.02 };

    private Reader OfPair(string name)
    {
        var tiny = TinyBpe.ByteLevel();
        var vocabulary = tiny.Vocabulary.Append(new("<|endoftext|>", tiny.Pieces.Count)).ToDictionary();
        _temp.Write("folder/vocab.json", JsonSerializer.Serialize(vocabulary));
        _temp.Write("folder/merges.txt", "#version: 0.2\n" + string.Join('\n', tiny.Merges.Select(m => $"{m.Left} {m.Right}")) + "\n");
        _temp.Write("folder/config.json", "{\"model_type\": \"gpt2\"}");
        return new(_temp[Path.Combine("folder", name)], () => Spell(_temp["folder"])) { Share = 0.02 };
    }

    private static void Spell(string folder)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(folder);
        int[] ids = tokenizer.Encode("The fox, 12 years old, isn't<|end|> <s>red:\n  ünï 😀");
        _ = tokenizer.Decode(ids);
        _ = TokenizerFingerprint.Compute(tokenizer);
    }

    private Reader Stored()
    {
        string path = _temp["data.tokens"];
        using (var writer = new TokenStoreWriter(path, 1000, 7))
        {
            writer.Append([1, 2, 3]);
            writer.Append([]);
            writer.Append([999]);
            writer.Complete();
        }
        return new(path, () =>
        {
            using var store = TokenStore.Open(path);
            for (int i = 0; i < store.Count; i++)
            {
                Assert.True(store[i].Length <= store.Tokens);
            }
        })
        { IsBinary = true };
    }

    private Reader OfDocuments(string name, byte[] bytes) =>
        Of(name, bytes, path => Assert.All(DocumentReader.Read([path], new()), document => Assert.NotNull(document.Text)));

    private Reader OfTask(string name, byte[] bytes) =>
        Of(name, bytes, path => TaskSuite.RequireData(Path.GetDirectoryName(path)!, ["piqa"], new()));

    private Reader OfDemo()
    {
        SampleDemo.PoseWins.Write(_temp["results.json"]);
        return new(_temp["results.json"], () =>
        {
            DemoResults results = DemoResults.Read(_temp["results.json"]);
            Render(DemoReport.Build(results, [], "skipwise"));
            _ = DemoSummary.Of(results);
        });
    }

    private Reader OfComparison(string name)
    {
        string folder = _temp["compared"];
        ResultsStore store = ResultsStore.Open(folder);
        ComparedModel[] models = [.. SampleComparison.Usual.Models.Select(Stored)];
        var gates = new GateOptions { MinPasskey = 0.9, MaxShortPplIncrease = 0.02, MinEffectiveLength = 512 };
        store.WritePlan(SampleComparison.Plan(models) with { Gates = gates });
        return new(Path.Combine(folder, name), () =>
        {
            Comparison comparison = Comparison.Load([folder]);
            Render(ComparisonReport.Build(comparison));
            _ = ComparisonSummary.Of(comparison);
            _ = Skipwise.Cli.Display.ResultTables.Comparison(comparison);
            _ = Gates.Judge(comparison);
        })
        { Share = 0.02 };

        ComparedModel Stored(ComparedModel compared)
        {
            string suffix = compared.Name == SampleComparison.Base ? "" : "2"; // the models' keys differ
            var parts = SampleComparison.Usual.RecordsOf(compared).Where(Comparison.IsMeasured)
                .GroupBy(record => record.Settings![ResultsStore.KeySetting]!.GetValue<string>() + suffix).ToList();
            foreach (IGrouping<string, EvaluationRecord> part in parts)
            {
                store.Add(part.Key, [], [.. part.Select(record => record with { Samples = [1, 0.5, record.Value] })]);
            }
            return compared with { Measurements = [.. parts.Select(part => part.Key)] };
        }
    }

    private static void Render(Report report) => _ = Markdown.Render(report, name => name + ".svg", "raw.jsonl");

    private Reader OfLog<T>(string name, T record, Func<T, int> use)
    {
        using (MetricLog log = MetricLog.Create(_temp[name]))
        {
            log.Append(record);
            log.Append(record);
        }
        return new(_temp[name], () => Assert.All(JsonLines.Read<T>(_temp[name]), read => use(read)));
    }

    private Reader OfTrials<T>(T trial) where T : class, ITrial
    {
        using (var file = new TrialFile<T>(_temp["trials.jsonl"], 7))
        {
            file.Append(trial);
            file.Append(trial);
        }
        return new(_temp["trials.jsonl"], () => new TrialFile<T>(_temp["trials.jsonl"], 7).Dispose());
    }

    private static byte[] Packed(Func<TempFolder, string, string> write)
    {
        using var folder = new TempFolder();
        return File.ReadAllBytes(write(folder, "packed"));
    }

    /// <summary>GPT-2's size, by which its ranks are known.</summary>
    private static byte[] Ranks()
    {
        const int size = 50256;
        var pieces = TinyBpe.ByteLevel().Pieces.Select(ByteAlphabet.ToBytes).ToList();
        for (int filler = 0; pieces.Count < size; filler++)
        {
            pieces.Add([0xFF, .. BitConverter.GetBytes(filler), 0xFF]);
        }
        return Encoding.ASCII.GetBytes(string.Join('\n', pieces.Select((bytes, rank) => $"{Convert.ToBase64String(bytes)} {rank}")));
    }

    /// <summary>llama2.c's tokenizer.bin: the longest piece, then score, length and bytes of each.</summary>
    private static byte[] Llama2cVocabulary()
    {
        var file = new List<byte>([16, 0, 0, 0]);
        foreach ((string text, float score, int _) in SentencePieceFile.Llama((" a", -1), ("ab", -2), (" ab", -3)))
        {
            byte[] header = new byte[8], piece = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteSingleLittleEndian(header, score);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), piece.Length);
            file.AddRange([.. header, .. piece]);
        }
        return [.. file];
    }
}
