using System.Globalization;
using System.Text.Json;
using Skipwise.Benchmarks;
using Skipwise.Benchmarks.Cost;
using Skipwise.Benchmarks.Gpu;
using Skipwise.Benchmarks.Peer;
using Skipwise.Runtime;
using Device = TorchSharp.torch.Device;

// One case per process: --case NAME prints one JSON line, --list the names. bench/run calls this for every case; the long ones,
// memory-by-length and cost, are not among them.
// --gpu NAME runs one check of bench/gpu, --gpu-list names them with their time limits.
// --fit FILE fits the cost of the operations to what --collectives wrote, with --pairs FILE beside measured steps; --predict prints what
// follows for many GPUs; --draw FILE draws what --timeline wrote.
// --collectives times the operations of the ranks that mpirun started; --ranks NAME runs a training case with them (bench/ranks).
// --decode s|m|t [--type f32|f16|bf16|q8|q4] [--cache f32|f16|bf16|q8] [--context N,...] [--batch N,...] [--read N,...] [--peer] times a
// token, and the reading of prompts, with --peer beside llama.cpp.
// --write-models FOLDER writes models (i) and (ii) with random weights, to be served.
// --serve URL [--clients N --seconds S] [--pid N] asks a running 'skipwise serve' as N clients; with --document N two questions about one
// text of N tokens.
// --tokenize tokenizer.json TEXT... times a tokenizer beside Hugging Face's library.
// --peer [--case NAME,...] [--pairs N] [--dtype bfloat16] [--peer-patched] [--no-avx512] compares cases with PyTorch's way: processes of
// --side ours|torch|torch-patched --case NAME, after --peer-check NAME has found equal losses and gradients.
// --check-estimate [PATTERN] holds `skipwise estimate` against real runs.
string? Value(string option) => Array.IndexOf(args, option) is >= 0 and int at && at + 1 < args.Length ? args[at + 1] : null;
int Number(string option, int otherwise) => Value(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

// A method of its own: one that names a type of TorchSharp has it loaded, and libtorch with it, before its first line.
void CheckGpu(GpuCheck check)
{
    Device device = ComputeOptions.ResolveDevice(
        Value("--device"), TorchSharp.torch.cuda.is_available() ? TorchSharp.torch.cuda.device_count() : 0);
    Console.WriteLine(check.Run(new GpuSetup(device, args.Contains("--small"), Value("--fixtures") ?? "fixtures")).ToJsonString());
}

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Contains("--list"))
{
    foreach (BenchCase known in BenchCase.All)
    {
        Console.WriteLine(known.Name);
    }
    return 0;
}
#if HUGGING_FACE
if (Value("--tokenize") is { } tokenizer)
{
    TokenizeBench.Run(tokenizer, args[(Array.IndexOf(args, tokenizer) + 1)..]);
    return 0;
}
#endif
if (args.Contains("--check-estimate"))
{
    TorchRuntime.Initialize(TorchRuntimeOptions.All);
    EstimateCheck.Run(Value("--check-estimate") ?? "", Value("--threads"));
    return 0;
}
if (Value("--case") == MemoryByLength.Name)
{
    MemoryByLength.Run(Value("--threads") is { } cores ? ["--threads", cores] : [], Number("--longest", int.MaxValue),
        Value("--out") ?? ".");
    return 0;
}
if (args.Contains("--peer") && !args.Contains("--decode"))
{
    new PeerComparison(Number("--pairs", 3), Value("--steps"), Value("--threads"), Value("--dtype") == "bfloat16",
        args.Contains("--peer-patched"), args.Contains("--no-avx512")).Run(Value("--case")?.Split(','));
    return 0;
}
if (Value("--case") == CostCase.Name)
{
    CostCase.Run(Value("--series")?.Split(','), Number("--largest", int.MaxValue), Value("--out") ?? ".");
    return 0;
}
if (args.Contains("--gpu-list"))
{
    foreach (GpuCheck known in GpuCheck.All)
    {
        Console.WriteLine($"{known.Name} {known.LimitSeconds}");
    }
    return 0;
}
TorchRuntime.Initialize(Value("--side") == PeerComparison.Torch ? PeerRuntime.Options : TorchRuntimeOptions.All);
if (GpuCheck.All.FirstOrDefault(known => known.Name == Value("--gpu")) is { } check)
{
    CheckGpu(check);
    return 0;
}
if (Value("--fit") is { } operations)
{
    RankPrediction.Fit(operations, Value("--pairs"));
    return 0;
}
if (Value("--draw") is { } recorded)
{
    RecordedCollective.Draw(recorded);
    return 0;
}
if (args.Contains("--predict"))
{
    RankPrediction.Predict((name, otherwise) =>
        Value(name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise);
    return 0;
}
if (Value("--threads") is { } threads)
{
    TorchThreads.SetCount(int.Parse(threads, CultureInfo.InvariantCulture));
}
if (Value("--decode") is { } decoded)
{
    int[] Numbers(string option, string otherwise) =>
    [
        .. (Value(option) ?? otherwise).Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(text => int.Parse(text, CultureInfo.InvariantCulture)),
    ];
    new DecodeBench(decoded, Value("--type") ?? "bf16", Value("--cache") ?? "f32", Numbers("--context", "64"), Numbers("--batch", "1"),
        Numbers("--read", ""), TorchThreads.Count, args.Contains("--peer")).Run();
    return 0;
}
if (Value("--write-models") is { } folder)
{
    BenchModels.Write(folder);
    return 0;
}
if (Value("--serve") is { } address)
{
    using var clients = new ServeBench(new Uri(address), Value("--pid") is null ? null : Number("--pid", 0));
    await (Value("--document") is null ? clients.RunClientsAsync(Number("--clients", 1), Number("--seconds", 60))
        : clients.RunDocumentAsync(Number("--document", 8192)));
    return 0;
}
if (args.Contains("--collectives"))
{
    CollectiveCase.Run();
    return 0;
}
if (Value("--ranks") is { } divided)
{
    RankCase.Run((TrainCase)BenchCase.All.First(known => known.Name == divided), Number("--steps", 4), Number("--accumulation", 1),
        Number("--recompute", 0), Enum.Parse<Skipwise.Training.Shard>(Value("--shard") ?? "None", ignoreCase: true), Value("--timeline"));
    return 0;
}
if (Value("--cost-at") is { } series)
{
    Console.WriteLine(CostCase.Measure(series, Number("--at", 0)));
    return 0;
}
if (Value("--memory-at") is { } length)
{
    Console.WriteLine(MemoryByLength.Measure(int.Parse(length, CultureInfo.InvariantCulture)));
    return 0;
}
if (BenchCase.All.FirstOrDefault(known => known.Name == (Value("--case") ?? Value("--peer-check"))) is not { } chosen)
{
    Console.Error.WriteLine(
        $"--case NAME is needed, one of: {string.Join(", ", BenchCase.All.Select(known => known.Name))}, {MemoryByLength.Name}, "
        + CostCase.Name);
    return 1;
}
chosen = chosen with { IsBfloat16 = Value("--dtype") == "bfloat16" };
if (args.Contains("--peer-check"))
{
    PeerCheck found = PeerCheck.Of(chosen);
    found.Require(chosen.IsBfloat16);
    Console.WriteLine(JsonSerializer.Serialize(found, BenchResult.Json));
    return 0;
}
if (Value("--side") is { } side)
{
    Console.WriteLine(SideResult.Of(chosen, side, Value("--steps") is null ? null : Number("--steps", 0)).ToJson());
    return 0;
}
Measurement measured = chosen.Measure(Number("--steps", chosen.Steps));
Console.WriteLine(JsonSerializer.Serialize(measured.ToResult(chosen), BenchResult.Json));
return 0;
