# The skipwise command in a container.
#
#     docker build -t skipwise .
#     docker run --rm -v "$PWD:/work" skipwise demo
#
# On an Arm computer: docker build --platform linux/amd64 -t skipwise .
# This file has not been built yet.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish -c Release src/Skipwise.Cli -o /app

FROM mcr.microsoft.com/dotnet/runtime:10.0
COPY --from=build /app /app
WORKDIR /work
ENTRYPOINT ["dotnet", "/app/skipwise.dll"]
